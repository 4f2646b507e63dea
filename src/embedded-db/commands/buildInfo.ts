import { versions } from "node:process";
import { MAX_DOCUMENT_BYTES } from "../bson/encode";
import type { Doc } from "../bson/values";

/** The MongoDB release whose behaviour this server follows. */
export const MONGODB_VERSION = "8.0.0";

/** @see https://www.mongodb.com/docs/manual/reference/command/buildInfo/ */
export function buildInfo(): Doc {
  return {
    version: MONGODB_VERSION,
    gitVersion: "",
    modules: [],
    allocator: "system",
    javascriptEngine: "none",
    sysInfo: "deprecated",
    versionArray: [8, 0, 0, 0],
    openssl: { running: versions.openssl, compiled: "disabled" },
    bits: 64,
    debug: false,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    storageEngines: ["embedded"],
  };
}
