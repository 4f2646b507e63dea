import { decode, RawDocument } from "../bson/decode";
import type { Doc } from "../bson/values";
import { MongoError } from "../errors";
import { crc32c } from "./crc32c";
import {
  HEADER_BYTES,
  type MessageHeader,
  OpCode,
  ProtocolError,
  type Request,
  type SequenceDocument,
} from "./messages";

const Flag = { checksumPresent: 1, moreToCome: 2, exhaustAllowed: 0x10000 } as const;

/** The low 16 flag bits must be understood by the receiver. */
const REQUIRED_FLAGS = 0xffff;

/** Documents stored without being changed are not decoded here. */
const RAW_FIELD = "documents";

function parseHeader(message: Buffer): MessageHeader {
  return {
    length: message.readInt32LE(0),
    requestId: message.readInt32LE(4),
    responseTo: message.readInt32LE(8),
    opCode: message.readInt32LE(12),
  };
}

/** Parses one whole message. */
export function parseMessage(message: Buffer): Request {
  const { opCode, requestId } = parseHeader(message);
  switch (opCode) {
    case OpCode.message:
      return parseOpMsg(message, requestId);
    case OpCode.query:
      return parseOpQuery(message, requestId);
    default:
      throw new ProtocolError(`opcode ${opCode}`);
  }
}

/** @see https://github.com/mongodb/specifications/blob/master/source/message/OP_MSG.md */
function parseOpMsg(message: Buffer, requestId: number): Request {
  if (message.length < HEADER_BYTES + 5) {
    throw new ProtocolError("OP_MSG too short");
  }
  const flags = message.readUInt32LE(HEADER_BYTES);
  if ((flags & REQUIRED_FLAGS & ~(Flag.checksumPresent | Flag.moreToCome)) !== 0) {
    throw new ProtocolError(`unknown required flags ${flags}`);
  }
  const end = flags & Flag.checksumPresent ? checkedEnd(message) : message.length;
  const silent = (flags & Flag.moreToCome) !== 0;
  const exhaustAllowed = (flags & Flag.exhaustAllowed) !== 0;
  return readable({ requestId, silent, exhaustAllowed, legacy: false }, () => {
    const { body, sequences } = parseSections(message, HEADER_BYTES + 4, end);
    sequences.forEach(([name, documents]) => (body[name] = documents));
    return body;
  });
}

/** A document that MongoDB refuses is answered with its error; only a broken frame hangs up. */
function readable(request: Omit<Request, "command">, read: () => Doc): Request {
  try {
    return { ...request, command: read() };
  } catch (error) {
    if (error instanceof MongoError) {
      return { ...request, command: {}, unreadable: error };
    }
    throw error;
  }
}

function checkedEnd(message: Buffer): number {
  const end = message.length - 4;
  if (crc32c(message.subarray(0, end)) !== message.readUInt32LE(end)) {
    throw new ProtocolError("checksum differs");
  }
  return end;
}

interface Sections {
  body: Doc;
  sequences: [name: string, documents: SequenceDocument[]][];
}

function parseSections(message: Buffer, start: number, end: number): Sections {
  let body: Doc | undefined;
  const sequences: Sections["sequences"] = [];
  let at = start;
  while (at < end) {
    const kind = message[at];
    const length = sectionLength(message, at + 1, end);
    const section = message.subarray(at + 1, at + 1 + length);
    if (kind === 0 && !body) {
      body = decode(section, { rawArray: RAW_FIELD });
    } else if (kind === 1) {
      sequences.push(parseSequence(section));
    } else {
      throw new ProtocolError(`section kind ${kind}`);
    }
    at += 1 + length;
  }
  if (!body) {
    throw new ProtocolError("no body section");
  }
  return { body, sequences };
}

function sectionLength(message: Buffer, at: number, end: number): number {
  const length = at + 4 <= end ? message.readInt32LE(at) : -1;
  if (length < 5 || at + length > end) {
    throw new ProtocolError(`section length ${length}`);
  }
  return length;
}

function parseSequence(section: Buffer): [string, SequenceDocument[]] {
  const nameEnd = section.indexOf(0, 4);
  if (nameEnd < 0) {
    throw new ProtocolError("document sequence without a name");
  }
  const name = section.toString("utf8", 4, nameEnd);
  const documents: SequenceDocument[] = [];
  let at = nameEnd + 1;
  while (at < section.length) {
    const length = sectionLength(section, at, section.length);
    const bytes = section.subarray(at, at + length);
    documents.push(name === RAW_FIELD ? new RawDocument(bytes) : decode(bytes));
    at += length;
  }
  return [name, documents];
}

/** Drivers greet with OP_QUERY on `admin.$cmd`; nothing else may come that way. */
function parseOpQuery(message: Buffer, requestId: number): Request {
  const nameStart = HEADER_BYTES + 4;
  const nameEnd = message.indexOf(0, nameStart);
  const start = nameEnd + 9;
  if (nameEnd < 0 || start + 5 > message.length) {
    throw new ProtocolError("OP_QUERY too short");
  }
  const [db = ""] = message.toString("utf8", nameStart, nameEnd).split(".$cmd");
  const length = sectionLength(message, start, message.length);
  return readable({ requestId, silent: false, exhaustAllowed: false, legacy: true }, () => {
    const query = decode(message.subarray(start, start + length));
    return { ...((query["$query"] ?? query) as Doc), $db: db };
  });
}
