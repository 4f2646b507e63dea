import { MongoError } from "../errors";
import type { RawDocument } from "../bson/decode";
import type { CommandContext } from "./context";

/** @see https://www.mongodb.com/docs/manual/changeStreams/ */
export function changeStream(
  _context: CommandContext,
  _pipeline: readonly unknown[],
  _batchSize: number | undefined,
): RawDocument {
  throw new MongoError(238, "The stage $changeStream is not supported by the embedded database");
}
