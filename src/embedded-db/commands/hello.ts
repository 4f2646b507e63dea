import type { Doc } from "../bson/values";
import { MAX_DOCUMENT_BYTES, MAX_MESSAGE_BYTES } from "../bson/encode";
import { SESSION_MINUTES } from "../sessions/sessions";
import type { CommandContext } from "./context";

/** The name of the one-member replica set this server presents itself as. */
export const SET_NAME = "embedded";

/** Wire version 25 is MongoDB 8.0's. */
const WIRE_VERSION = 25;

/** @see https://www.mongodb.com/docs/manual/reference/command/hello/ */
export function hello(context: CommandContext): Doc {
  const { host, id } = context.connection;
  const legacy = context.name !== "hello";
  return {
    ...(context.command["helloOk"] === true || legacy ? { helloOk: true } : {}),
    ...(legacy ? { ismaster: true } : { isWritablePrimary: true }),
    secondary: false,
    setName: SET_NAME,
    setVersion: 1,
    hosts: [host],
    primary: host,
    me: host,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    maxMessageSizeBytes: MAX_MESSAGE_BYTES,
    maxWriteBatchSize: 100_000,
    localTime: new Date(),
    logicalSessionTimeoutMinutes: SESSION_MINUTES,
    connectionId: id,
    minWireVersion: 0,
    maxWireVersion: WIRE_VERSION,
    readOnly: false,
  };
}
