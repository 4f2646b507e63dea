/** The first byte of a key says what it belongs to. */
const Space = { meta: 1, catalog: 2, counts: 3, sessions: 4, documents: 16, indexes: 17 } as const;

export const RECORD_ID_BYTES = 6;

/** The number of a document within its collection; it grows, so it keeps insertion order. */
export type RecordId = number;

export function metaKey(name: string): Buffer {
  return Buffer.concat([Buffer.from([Space.meta]), Buffer.from(name)]);
}

export function catalogKey(collectionId: number): Buffer {
  return withId(Space.catalog, collectionId, 0);
}

export function catalogRange(): { start: Buffer; end: Buffer } {
  return { start: Buffer.from([Space.catalog]), end: Buffer.from([Space.catalog + 1]) };
}

export function countsKey(collectionId: number): Buffer {
  return withId(Space.counts, collectionId, 0);
}

export function sessionKey(sessionId: Buffer): Buffer {
  return Buffer.concat([Buffer.from([Space.sessions]), sessionId]);
}

export function sessionRange(): { start: Buffer; end: Buffer } {
  return { start: Buffer.from([Space.sessions]), end: Buffer.from([Space.sessions + 1]) };
}

export function documentKey(collectionId: number, recordId: RecordId): Buffer {
  const key = withId(Space.documents, collectionId, RECORD_ID_BYTES);
  key.writeUIntBE(recordId, 5, RECORD_ID_BYTES);
  return key;
}

export function documentRange(collectionId: number): { start: Buffer; end: Buffer } {
  return idRange(Space.documents, collectionId);
}

/** What all keys of an index start with. */
export function indexPrefix(indexId: number): Buffer {
  return withId(Space.indexes, indexId, 0);
}

export function indexRange(indexId: number): { start: Buffer; end: Buffer } {
  return idRange(Space.indexes, indexId);
}

export function recordIdBytes(recordId: RecordId): Buffer {
  const bytes = Buffer.allocUnsafe(RECORD_ID_BYTES);
  bytes.writeUIntBE(recordId, 0, RECORD_ID_BYTES);
  return bytes;
}

/** The record id at the end of a document key or of a non-unique index key, or a whole value. */
export function readRecordId(bytes: Buffer): RecordId {
  return bytes.readUIntBE(bytes.length - RECORD_ID_BYTES, RECORD_ID_BYTES);
}

function withId(space: number, id: number, extra: number): Buffer {
  const key = Buffer.allocUnsafe(5 + extra);
  key[0] = space;
  key.writeUInt32BE(id, 1);
  return key;
}

function idRange(space: number, id: number): { start: Buffer; end: Buffer } {
  return { start: withId(space, id, 0), end: withId(space, id + 1, 0) };
}
