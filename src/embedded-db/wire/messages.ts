import type { RawDocument } from "../bson/decode";
import type { Doc } from "../bson/values";
import type { MongoError } from "../errors";

/** @see https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ */
export const OpCode = { reply: 1, query: 2004, compressed: 2012, message: 2013 } as const;

export const HEADER_BYTES = 16;

export interface MessageHeader {
  length: number;
  requestId: number;
  responseTo: number;
  opCode: number;
}

/** A command as it came over the wire, whichever opcode carried it. */
export interface Request {
  requestId: number;
  /** The command's document; document sequences stand in it as arrays. */
  command: Doc;
  /** The client wants no reply. */
  silent: boolean;
  /** The client takes further replies without asking for them. */
  exhaustAllowed: boolean;
  /** Came as OP_QUERY and is answered with OP_REPLY. */
  legacy: boolean;
  /** Why the command could not be read, though its message is whole: the answer to it. */
  unreadable?: MongoError;
}

/** The answer to a request, in two pieces that are joined in its message. */
export interface Reply {
  document: Buffer;
  /** The elements that end the document, see `timesOf`. */
  times: Buffer;
}

/** Documents of a sequence: undecoded for inserts, since they are stored as they are. */
export type SequenceDocument = Doc | RawDocument;

/** The peer broke the protocol: the connection is closed without a reply. */
export class ProtocolError extends Error {}
