import { HEADER_BYTES, OpCode, type Request } from "./messages";

const AWAIT_CAPABLE = 8;

const MORE_TO_COME = 2;

/** Wraps a reply document into the message that answers a request; others may follow unasked. */
export function serializeReply(
  request: Request,
  replyId: number,
  document: Buffer,
  moreToCome = false,
): Buffer {
  return request.legacy
    ? opReply(request.requestId, replyId, document)
    : opMsg(request.requestId, replyId, document, moreToCome ? MORE_TO_COME : 0);
}

function opMsg(responseTo: number, requestId: number, document: Buffer, flags: number): Buffer {
  const head = header(HEADER_BYTES + 5, document.length, requestId, responseTo, OpCode.message);
  head.writeUInt32LE(flags, HEADER_BYTES);
  head[HEADER_BYTES + 4] = 0;
  return Buffer.concat([head, document]);
}

function opReply(responseTo: number, requestId: number, document: Buffer): Buffer {
  const head = header(HEADER_BYTES + 20, document.length, requestId, responseTo, OpCode.reply);
  head.fill(0, HEADER_BYTES);
  head.writeInt32LE(AWAIT_CAPABLE, HEADER_BYTES);
  head.writeInt32LE(1, HEADER_BYTES + 16);
  return Buffer.concat([head, document]);
}

function header(
  size: number,
  bodyLength: number,
  requestId: number,
  responseTo: number,
  opCode: number,
): Buffer {
  const head = Buffer.alloc(size);
  head.writeInt32LE(size + bodyLength, 0);
  head.writeInt32LE(requestId, 4);
  head.writeInt32LE(responseTo, 8);
  head.writeInt32LE(opCode, 12);
  return head;
}
