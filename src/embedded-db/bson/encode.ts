import { serialize } from "bson";
import { MongoError } from "../errors";
import type { Doc } from "./values";

/** MongoDB's limit for one document, and for one message. */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
export const MAX_MESSAGE_BYTES = 48_000_000;

/** Documents made while updating or aggregating may be larger than clients may send. */
const MAX_INTERNAL_BYTES = MAX_DOCUMENT_BYTES + 16 * 1024;

const TOO_LARGE = 10334;

/** Writes a document within the size limit; the counterpart of decode(). */
export function encode(doc: Doc): Buffer {
  const bytes = serialized(doc);
  if (bytes.byteLength > MAX_INTERNAL_BYTES) {
    throw tooLarge(`BSONObj size: ${bytes.byteLength} (0x${bytes.byteLength.toString(16)})`);
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The bytes of a document, or undefined when they would be more than so many. */
export function encodeWithin(limit: number, doc: Doc): Buffer | undefined {
  try {
    const bytes = encode(doc);
    return bytes.length <= limit ? bytes : undefined;
  } catch (error) {
    if (error instanceof MongoError && error.code === TOO_LARGE) {
      return undefined;
    }
    throw error;
  }
}

/** bson writes into 17 MB: what does not fit is cut off, or throws where a number would stand. */
function serialized(doc: Doc): Uint8Array {
  try {
    return serialize(doc, { ignoreUndefined: false });
  } catch (error) {
    throw error instanceof RangeError ? tooLarge("BSONObj") : error;
  }
}

function tooLarge(what: string): MongoError {
  return new MongoError(
    TOO_LARGE,
    `${what} is invalid. Size must be between 0 and ${MAX_INTERNAL_BYTES}(16MB)`,
  );
}

/** Joins elements (type, name and value) to a document. */
export function fromElements(elements: readonly Buffer[]): Buffer {
  return Buffer.concat(documentPieces(elements));
}

/** A document of elements in pieces, so that what holds it copies them only once. */
export function documentPieces(elements: readonly Buffer[]): Buffer[] {
  const head = Buffer.allocUnsafe(4);
  head.writeInt32LE(
    elements.reduce((sum, element) => sum + element.length, 5),
    0,
  );
  return [head, ...elements, ZERO];
}

const ZERO = Buffer.alloc(1);

/** An array of documents given as bytes, in pieces. */
export function arrayPieces(documents: readonly Buffer[]): Buffer[] {
  return documentPieces(documents.flatMap((document, at) => [itemHead(at), document]));
}

/** The elements of a document: its bytes without the length in front and the zero at the end. */
export function elementBytes(document: Buffer): Buffer {
  return document.subarray(4, document.length - 1);
}

/** What stands before the value of an element: its BSON type and its name. */
export function elementHead(type: number, name: string): Buffer {
  const head = Buffer.allocUnsafe(Buffer.byteLength(name) + 2);
  head[0] = type;
  head.write(name, 1);
  head[head.length - 1] = 0;
  return head;
}

/** The first items of arrays have the same heads in every reply. */
const ITEM_HEADS = Array.from({ length: 128 }, (_, at) => elementHead(3, String(at)));

function itemHead(at: number): Buffer {
  return ITEM_HEADS[at] ?? elementHead(3, String(at));
}
