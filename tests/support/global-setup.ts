import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { state } from "./global-state";

/**
 * One folder for whatever the tests put on disk, and one database server for the whole run: the one
 * that TEST_MONGODB_URI names, else an embedded one in memory.
 */
// eslint-disable-next-line no-restricted-exports -- jest asks for a default export
export default async function globalSetup(): Promise<void> {
  state.folder = mkdtempSync(join(tmpdir(), "mega-backend-test-"));
  process.env.TMPDIR = process.env.TEMP = state.folder;
  if (process.env.TEST_MONGODB_URI === undefined) {
    const { startEmbeddedDatabase } = await import("../../src/embedded-db");
    state.database = await startEmbeddedDatabase({});
    process.env.TEST_DATABASE = state.database.uri;
  } else {
    process.env.TEST_DATABASE = process.env.TEST_MONGODB_URI;
  }
}
