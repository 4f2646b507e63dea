import { HEADER_BYTES, OpCode, type Reply, type Request } from "./messages";

const AWAIT_CAPABLE = 8;

const MORE_TO_COME = 2;

/** What stands between the header and the document. */
const MESSAGE_BYTES = 5;
const REPLY_BYTES = 20;

/** Wraps a reply into the message that answers a request; others may follow unasked. */
export function serializeReply(
  request: Request,
  replyId: number,
  reply: Reply,
  moreToCome = false,
): Buffer {
  return request.legacy
    ? opReply(request.requestId, replyId, reply)
    : opMsg(request.requestId, replyId, reply, moreToCome ? MORE_TO_COME : 0);
}

function opMsg(responseTo: number, requestId: number, reply: Reply, flags: number): Buffer {
  const message = messageOf(MESSAGE_BYTES, reply, requestId, responseTo, OpCode.message);
  message.writeUInt32LE(flags, HEADER_BYTES);
  message[HEADER_BYTES + 4] = 0;
  return message;
}

function opReply(responseTo: number, requestId: number, reply: Reply): Buffer {
  const message = messageOf(REPLY_BYTES, reply, requestId, responseTo, OpCode.reply);
  message.fill(0, HEADER_BYTES, HEADER_BYTES + REPLY_BYTES);
  message.writeInt32LE(AWAIT_CAPABLE, HEADER_BYTES);
  message.writeInt32LE(1, HEADER_BYTES + 16);
  return message;
}

/** The header, so many bytes of room, and the document, which the times end. */
function messageOf(
  room: number,
  { document, times }: Reply,
  requestId: number,
  responseTo: number,
  opCode: number,
): Buffer {
  const start = HEADER_BYTES + room;
  // In place of the zero byte that ended the document.
  const end = start + document.length - 1;
  const message = Buffer.allocUnsafe(end + times.length);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(requestId, 4);
  message.writeInt32LE(responseTo, 8);
  message.writeInt32LE(opCode, 12);
  document.copy(message, start);
  message.writeInt32LE(message.length - start, start);
  times.copy(message, end);
  return message;
}
