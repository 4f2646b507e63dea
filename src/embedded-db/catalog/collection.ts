import { randomBytes } from "node:crypto";
import { badValue, MongoError } from "../errors";
import { decode, decodeWithId, elementOf, type ElementPlace, MAX_DEPTH } from "../bson/decode";
import { elementBytes, fromElements, MAX_DOCUMENT_BYTES } from "../bson/encode";
import { Binary, type Doc, isDocument, ObjectId, Rank, rankOf } from "../bson/values";
import { parseCollation, type Collation } from "../query/collation";
import { failedValidation } from "../query/failed-validation";
import { parseFilter, type Filter } from "../query/filter";
import { documentKey, type RecordId } from "../storage/keys";
import { keyText } from "../storage/memory";
import type { Reader } from "../storage/storage";
import type { WriteUnit } from "../sessions/write-unit";
import type { UpdateDescription } from "../update/difference";
import { checkMeasurement, type TimeSeries } from "./time-series";
import { Index, type IndexRecord } from "./collection-index";

/** What the catalog keeps of a collection. */
export interface CollectionRecord {
  id: number;
  db: string;
  name: string;
  uuid: Binary;
  options: Doc;
  indexes: IndexRecord[];
}

/** A stored document with its place. */
export interface StoredDocument {
  record: RecordId;
  bytes: Buffer;
}

/** What a checked document is stored as. */
interface PreparedDocument {
  bytes: Buffer;
  doc: Doc;
}

/**
 * A collection: its options, its indexes and the writing of single documents. Every change checks
 * all unique indexes before it writes the first byte, so a refused one leaves nothing behind.
 */
export class Collection {
  readonly id: number;
  readonly uuid: Binary;
  db: string;
  name: string;
  options: Doc;
  indexes: Index[];
  count = 0;
  bytes = 0;
  nextRecord = 1;
  /** When its youngest index was built, by the transactions' clock. */
  indexedAt = 0;
  /** The catalog entry changed and must be written with the next commit. */
  dirty = false;
  private parsedValidator: Filter | undefined;
  private toRead: { indexes: Index[]; fields: ReadonlySet<string> | undefined } | undefined;

  constructor(record: CollectionRecord) {
    this.id = record.id;
    this.db = record.db;
    this.name = record.name;
    this.uuid = record.uuid;
    this.options = record.options;
    this.indexes = record.indexes.map(
      ({ id, spec, multikey, cut }) => new Index(id, spec, multikey, cut),
    );
  }

  get ns(): string {
    return `${this.db}.${this.name}`;
  }

  get isView(): boolean {
    return typeof this.options["viewOn"] === "string";
  }

  get capped(): boolean {
    return this.options["capped"] === true;
  }

  get clustered(): boolean {
    return this.options["clusteredIndex"] !== undefined;
  }

  get timeSeries(): TimeSeries | undefined {
    return this.options["timeseries"] as TimeSeries | undefined;
  }

  /** The collation of operations that bring none. */
  get collation(): Collation | undefined {
    return parseCollation(this.options["collation"]);
  }

  record(): CollectionRecord {
    const { id, db, name, uuid, options } = this;
    return { id, db, name, uuid, options, indexes: this.indexes.map((index) => index.record()) };
  }

  read(reader: Reader, record: RecordId): Buffer | undefined {
    return reader.get(documentKey(this.id, record));
  }

  /** Stores a new document, given an `_id` if it has none; answers it as stored. */
  insert(unit: WriteUnit, raw: Buffer, bypassValidation = false): Buffer {
    const { bytes, doc } = prepare(raw, this.fieldsToRead());
    if (this.timeSeries) {
      checkMeasurement(this.timeSeries, doc);
    }
    if (!bypassValidation) {
      this.validate(doc);
    }
    const record = this.nextRecord++;
    const keys = this.keysOf(doc);
    this.refuseUnfit(unit, keys, doc);
    unit.put(documentKey(this.id, record), bytes);
    keys.forEach(([index, list]) => list.forEach((key) => index.add(unit, key, record)));
    unit.grown(this, 1, bytes.length);
    unit.changed({ type: "insert", collection: this, bytes });
    return bytes;
  }

  /** Puts a changed document, and its bytes, in the place of its old state; without a description it is a replacement. */
  replace(
    unit: WriteUnit,
    stored: StoredDocument,
    before: Doc,
    after: Doc,
    bytes: Buffer,
    description: UpdateDescription | undefined,
  ): void {
    if (bytes.length > MAX_DOCUMENT_BYTES) {
      throw new MongoError(
        17419,
        `Resulting document after update is larger than ${MAX_DOCUMENT_BYTES}`,
      );
    }
    checkStorable(after);
    const touched = this.indexesTouched(stored.bytes, bytes);
    const oldKeys = this.keysOf(before, touched);
    const newKeys = this.keysOf(after, touched);
    this.refuseUnfit(unit, newKeys, after, stored.record);
    unit.put(documentKey(this.id, stored.record), bytes);
    oldKeys.forEach(([index, old], at) =>
      this.moveKeys(unit, index, old, newKeys[at]?.[1] ?? [], stored.record),
    );
    unit.grown(this, 0, bytes.length - stored.bytes.length);
    unit.changed({
      type: description ? "update" : "replace",
      collection: this,
      documentKey: { _id: before["_id"] },
      bytes,
      before: this.preImage(stored),
      ...(description ? { description } : {}),
    });
  }

  remove(unit: WriteUnit, stored: StoredDocument, doc: Doc): void {
    unit.delete(documentKey(this.id, stored.record));
    for (const [index, keys] of this.keysOf(doc)) {
      keys.forEach((key) => index.remove(unit, key, stored.record));
    }
    unit.grown(this, -1, -stored.bytes.length);
    unit.changed({
      type: "delete",
      collection: this,
      documentKey: { _id: doc["_id"] },
      before: this.preImage(stored),
    });
  }

  /** True when change streams may show documents as they were before and after a change. */
  get keepsImages(): boolean {
    const images = this.options["changeStreamPreAndPostImages"];
    return isDocument(images) && images["enabled"] === true;
  }

  private preImage({ bytes }: StoredDocument): Buffer | undefined {
    return this.keepsImages ? bytes : undefined;
  }

  /** Fills one index from the documents there are; refuses duplicates. */
  buildIndex(unit: WriteUnit, index: Index, documents: Iterable<StoredDocument>): void {
    for (const { record, bytes } of documents) {
      const doc = decode(bytes);
      index.check(doc);
      const keys = index.keysOf(doc);
      const duplicate = index.unique ? index.findDuplicate(unit, keys, record) : undefined;
      if (duplicate) {
        throw index.duplicateError(this.ns, doc, duplicate);
      }
      keys.forEach((key) => index.add(unit, key, record));
    }
  }

  /**
   * Refuses a changed document that the validator does not take; a moderate one lets those be that
   * it did not take before.
   * @see https://www.mongodb.com/docs/manual/core/schema-validation/specify-validation-level/
   */
  validateChange(before: Doc, after: Doc): void {
    if (this.options["validationLevel"] !== "moderate" || this.isValid(before)) {
      this.validate(after);
    }
  }

  /** @see https://www.mongodb.com/docs/manual/core/schema-validation/ */
  private validate(doc: Doc): void {
    if (!this.isValid(doc)) {
      const details = failedValidation(this.options["validator"] as Doc, doc, {
        collation: this.collation,
      });
      throw new MongoError(121, "Document failed validation", {
        errInfo: { failingDocumentId: doc["_id"], details },
      });
    }
  }

  private isValid(doc: Doc): boolean {
    const { validator, validationLevel, validationAction } = this.options;
    if (!isDocument(validator) || validationLevel === "off" || validationAction === "warn") {
      return true;
    }
    this.parsedValidator ??= parseFilter(validator, { collation: this.collation });
    return this.parsedValidator.matches(doc);
  }

  /** The validator changed: parse it again. */
  forgetValidator(): void {
    this.parsedValidator = undefined;
  }

  /** The fields that storing a document looks at; undefined for all. */
  private fieldsToRead(): ReadonlySet<string> | undefined {
    const { indexes, toRead } = this;
    if (toRead?.indexes !== indexes) {
      const all = indexes.some(({ ordered, partialFilter }) => partialFilter || !ordered);
      const paths = indexes.flatMap(({ fields }) => fields.map(({ parts }) => parts[0] as string));
      this.toRead = { indexes, fields: all ? undefined : new Set(["_id", ...paths]) };
    }
    return this.options["validator"] === undefined && !this.timeSeries
      ? this.toRead?.fields
      : undefined;
  }

  /** The indexes whose fields are not the same bytes in both states of a document. */
  private indexesTouched(before: Buffer, after: Buffer): Index[] {
    const isSame = new Map<string, boolean>();
    const changes = (root: string) => {
      const same = isSame.get(root) ?? isSameElement(before, after, root);
      isSame.set(root, same);
      return !same;
    };
    return this.indexes.filter(({ roots }) => roots?.some(changes) ?? true);
  }

  private keysOf(doc: Doc, indexes: readonly Index[] = this.indexes): [Index, Buffer[]][] {
    return indexes.map((index) => {
      const before = index.findings;
      const keys = index.keysOf(doc);
      this.dirty ||= index.findings !== before;
      return [index, keys];
    });
  }

  private refuseUnfit(
    unit: WriteUnit,
    keys: readonly [Index, Buffer[]][],
    doc: Doc,
    self?: RecordId,
  ): void {
    for (const [index, list] of keys) {
      index.check(doc);
      const duplicate =
        index.unique || index.preparesUnique ? index.findDuplicate(unit, list, self) : undefined;
      if (duplicate) {
        throw index.duplicateError(this.ns, doc, duplicate);
      }
    }
  }

  private moveKeys(
    unit: WriteUnit,
    index: Index,
    before: readonly Buffer[],
    after: readonly Buffer[],
    record: RecordId,
  ): void {
    const [old, now] = [before, after].map((keys) => new Set(keys.map(keyText)));
    before
      .filter((key) => !now?.has(keyText(key)))
      .forEach((key) => index.remove(unit, key, record));
    after.filter((key) => !old?.has(keyText(key))).forEach((key) => index.add(unit, key, record));
  }
}

function isSameElement(before: Buffer, after: Buffer, name: string): boolean {
  const [old, now] = [elementOf(before, name), elementOf(after, name)];
  return old === undefined || now === undefined
    ? old === now
    : before.compare(after, now.start, now.end, old.start, old.end) === 0;
}

/** An update can nest deeper than any message, and nobody could read the document any more. */
function checkStorable(value: unknown, depth = 0): void {
  if (depth > MAX_DEPTH) {
    throw new MongoError(15, `BSONObj exceeds maximum nested object depth: ${MAX_DEPTH}`);
  }
  if (Array.isArray(value)) {
    value.forEach((element) => checkStorable(element, depth + 1));
  } else if (value instanceof Date && Number.isNaN(value.getTime())) {
    // Another client has stored it; it would be written anew as the beginning of 1970.
    throw badValue("a document with a date beyond those of JavaScript cannot be changed here");
  } else if (isDocument(value)) {
    for (const name in value) {
      checkStorable(value[name], depth + 1);
    }
  }
}

/** Checks a document a client wants to store and moves its `_id` to the front, adding one if absent. */
function prepare(raw: Buffer, fields: ReadonlySet<string> | undefined): PreparedDocument {
  if (raw.length > MAX_DOCUMENT_BYTES) {
    throw new MongoError(
      2,
      `object to insert too large. size in bytes: ${raw.length}, max size: ${MAX_DOCUMENT_BYTES}`,
    );
  }
  const { doc, id } = decodeWithId(raw, fields);
  if (!id) {
    const made = new ObjectId();
    doc["_id"] = made;
    return { bytes: withNewId(raw, made), doc };
  }
  checkId(doc["_id"]);
  return { bytes: withIdInFront(raw, id), doc };
}

/** A copy, since the bytes are part of a larger message, with `_id` as the first element. */
function withIdInFront(raw: Buffer, { start, end }: ElementPlace): Buffer {
  const out = Buffer.allocUnsafe(raw.length);
  out.set(raw);
  if (start > FIRST_ELEMENT) {
    out.copyWithin(FIRST_ELEMENT + end - start, FIRST_ELEMENT, start);
    for (let at = start; at < end; at++) {
      out[FIRST_ELEMENT + at - start] = raw[at] as number;
    }
  }
  return out;
}

/** Behind the length of the document. */
const FIRST_ELEMENT = 4;

function withNewId(raw: Buffer, id: ObjectId): Buffer {
  const element = Buffer.concat([Buffer.from("\x07_id\0", "latin1"), id.id]);
  return fromElements([element, elementBytes(raw)]);
}

/** @see https://www.mongodb.com/docs/manual/core/document/#the-_id-field */
export function checkId(id: unknown): void {
  const rank = rankOf(id);
  if (rank === Rank.array || rank === Rank.regex || rank === Rank.undefined) {
    const type = rank === Rank.array ? "array" : rank === Rank.regex ? "regex" : "undefined";
    throw new MongoError(53, `The '_id' value cannot be of type ${type}`);
  }
  if (isDocument(id)) {
    const bad = Object.keys(id).find((name) => name.startsWith("$"));
    if (bad !== undefined && !["$ref", "$id", "$db"].includes(bad)) {
      throw new MongoError(
        52,
        `The dollar ($) prefixed field '${bad}' in '_id' is not allowed in the context of an update's replacement document. Consider using an aggregation pipeline with $replaceWith.`,
      );
    }
  }
}

export function newUuid(): Binary {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return new Binary(Uint8Array.from(bytes), Binary.SUBTYPE_UUID);
}
