import { MongoError } from "../errors";
import { decode } from "../bson/decode";
import { encode } from "../bson/encode";
import { type Doc, isDocument } from "../bson/values";
import type { WriteUnit } from "../sessions/write-unit";
import { clear } from "../storage/clear";
import {
  catalogKey,
  catalogRange,
  countsKey,
  documentRange,
  indexRange,
  metaKey,
  readRecordId,
} from "../storage/keys";
import { keyText } from "../storage/memory";
import type { Reader, Writer } from "../storage/storage";
import { Index } from "./collection-index";
import { timeSeriesIndex } from "./time-series";
import { Collection, type CollectionRecord, newUuid } from "./collection";

const LAST_ID = metaKey("lastId");

/** Which databases, collections and indexes there are; held in memory, written through. */
export class Catalog {
  private readonly databases = new Map<string, Map<string, Collection>>();
  private lastId = 0;

  /** Reads the catalog of an opened store. */
  load(reader: Reader): void {
    this.lastId = reader.get(LAST_ID)?.readUInt32BE(0) ?? 0;
    for (const { value } of reader.range(catalogRange())) {
      const collection = new Collection(
        decode(value, { plain: true }) as unknown as CollectionRecord,
      );
      const counts = reader.get(countsKey(collection.id));
      collection.count = counts?.readDoubleBE(0) ?? 0;
      collection.bytes = counts?.readDoubleBE(8) ?? 0;
      for (const { key } of reader.range({ ...documentRange(collection.id), reverse: true })) {
        collection.nextRecord = readRecordId(key) + 1;
        break;
      }
      this.register(collection);
    }
  }

  find(db: string, name: string): Collection | undefined {
    return this.databases.get(db)?.get(name);
  }

  databaseNames(): string[] {
    return [...this.databases.keys()].sort();
  }

  collections(db: string): Collection[] {
    return [...(this.databases.get(db)?.values() ?? [])];
  }

  create(unit: WriteUnit, db: string, name: string, options: Doc): Collection {
    const collection = this.prepare(unit, db, name, options);
    this.register(collection);
    unit.onRollback(() => this.unregister(collection));
    return collection;
  }

  /** Makes a collection that nobody finds before it is adopted: one that a transaction creates. */
  prepare(unit: WriteUnit, db: string, name: string, options: Doc): Collection {
    checkName(db, name);
    if (this.find(db, name)) {
      throw new MongoError(48, `Collection ${db}.${name} already exists.`);
    }
    const similar = this.databaseNames().find(
      (other) => other !== db && other.toLowerCase() === db.toLowerCase(),
    );
    if (similar !== undefined) {
      throw new MongoError(
        13297,
        `db already exists with different case already have: [${similar}] trying to create [${db}]`,
      );
    }
    const id = this.takeId(unit);
    const collection = new Collection({ id, db, name, uuid: newUuid(), options, indexes: [] });
    const spec = firstIndex(collection);
    if (spec) {
      collection.indexes.push(new Index(this.takeId(unit), spec));
    }
    this.save(unit, collection);
    const idIndex = collection.indexes[0]?.spec;
    const operation = { ...(idIndex ? { idIndex } : {}), ...options };
    unit.changed({ type: "create", collection, operation });
    return collection;
  }

  /** Shows a prepared collection to everybody; false when its name has been taken meanwhile. */
  adopt(unit: WriteUnit, writer: Writer, collection: Collection): boolean {
    if (this.find(collection.db, collection.name)) {
      return false;
    }
    writer.put(LAST_ID, this.lastIdBytes());
    this.register(collection);
    unit.onRollback(() => this.unregister(collection));
    return true;
  }

  drop(unit: WriteUnit, collection: Collection): void {
    this.remove(unit, collection);
    unit.changed({ type: "drop", collection });
  }

  private remove(unit: WriteUnit, collection: Collection): void {
    unit.claimCollection(collection);
    clear(unit, documentRange(collection.id));
    collection.indexes.forEach((index) => clear(unit, indexRange(index.id)));
    unit.delete(catalogKey(collection.id));
    unit.delete(countsKey(collection.id));
    this.unregister(collection);
    unit.onRollback(() => this.register(collection));
  }

  /** Gives a collection another name; a `target` that has it goes. */
  rename(
    unit: WriteUnit,
    collection: Collection,
    { db, name }: { db: string; name: string },
    target?: Collection,
  ): void {
    unit.claimCollection(collection);
    checkName(db, name);
    if (target) {
      this.remove(unit, target);
    }
    const to = { db, coll: name };
    unit.changed({
      type: "rename",
      collection: Object.assign(Object.create(collection) as Collection, {
        db: collection.db,
        name: collection.name,
      }),
      to,
      operation: { to, ...(target ? { dropTarget: target.uuid } : {}) },
    });
    const before = { db: collection.db, name: collection.name };
    this.move(collection, { db, name });
    unit.onRollback(() => this.move(collection, before));
    this.save(unit, collection);
  }

  /** Adds an index and fills it. */
  addIndex(unit: WriteUnit, collection: Collection, spec: Doc): void {
    unit.claimCollection(collection);
    const index = new Index(this.takeId(unit), spec);
    const documents = unit.range(documentRange(collection.id));
    collection.buildIndex(unit, index, storedDocuments(documents));
    const before = collection.indexes;
    collection.indexes = [...before, index];
    collection.indexedAt = unit.now();
    unit.onRollback(() => (collection.indexes = before));
    this.save(unit, collection);
    unit.changed({ type: "createIndexes", collection, operation: { indexes: [spec] } });
  }

  dropIndex(unit: WriteUnit, collection: Collection, index: Index): void {
    unit.claimCollection(collection);
    clear(unit, indexRange(index.id));
    const before = collection.indexes;
    collection.indexes = before.filter((other) => other !== index);
    unit.onRollback(() => (collection.indexes = before));
    this.save(unit, collection);
    unit.changed({ type: "dropIndexes", collection, operation: { indexes: [index.spec] } });
  }

  /** Gives an index other options; one that becomes unique is built anew. */
  changeIndex(unit: WriteUnit, collection: Collection, index: Index, spec: Doc): void {
    const place = collection.indexes.indexOf(index);
    if (spec["unique"] !== true || index.unique) {
      const changed = new Index(index.id, spec, [...index.multikey]);
      collection.indexes = collection.indexes.with(place, changed);
      return;
    }
    unit.claimCollection(collection);
    clear(unit, indexRange(index.id));
    const changed = new Index(this.takeId(unit), spec);
    try {
      collection.buildIndex(
        unit,
        changed,
        storedDocuments(unit.range(documentRange(collection.id))),
      );
    } catch (error) {
      const documents = storedDocuments(unit.range(documentRange(collection.id)));
      throw error instanceof MongoError && error.code === 11000
        ? notUnique(error, violations(changed, documents))
        : error;
    }
    collection.indexes = collection.indexes.with(place, changed);
    collection.indexedAt = unit.now();
  }

  save(unit: WriteUnit, collection: Collection): void {
    unit.put(catalogKey(collection.id), encode({ ...collection.record() }));
  }

  /** A transaction stores the last id when it commits: until then others must be able to take ids. */
  private takeId(unit: WriteUnit): number {
    this.lastId++;
    if (!unit.inTransaction) {
      unit.put(LAST_ID, this.lastIdBytes());
    }
    return this.lastId;
  }

  private lastIdBytes(): Buffer {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(this.lastId, 0);
    return bytes;
  }

  private move(collection: Collection, to: { db: string; name: string }): void {
    this.unregister(collection);
    Object.assign(collection, to);
    this.register(collection);
  }

  private register(collection: Collection): void {
    const collections = this.databases.get(collection.db) ?? new Map<string, Collection>();
    collections.set(collection.name, collection);
    this.databases.set(collection.db, collections);
  }

  private unregister(collection: Collection): void {
    const collections = this.databases.get(collection.db);
    collections?.delete(collection.name);
    if (collections?.size === 0) {
      this.databases.delete(collection.db);
    }
  }
}

function notUnique({ message }: MongoError, violations: Doc[]): MongoError {
  return new MongoError(
    359,
    `Cannot convert the index to unique. Please resolve conflicting documents before running collMod again. ${message}`,
    { violations },
  );
}

/** Enough to find the mistake by; the reply must stay a document. */
const MAX_VIOLATIONS = 1_000;

/** The documents that share a key, in groups. */
function violations(
  index: Index,
  documents: Iterable<{ record: number; bytes: Buffer }>,
): { ids: unknown[] }[] {
  const holders = new Map<string, unknown[]>();
  for (const { bytes } of documents) {
    const doc = decode(bytes);
    for (const key of index.keysOf(doc)) {
      const ids = holders.get(keyText(key)) ?? [];
      holders.set(keyText(key), ids);
      ids.push(doc["_id"]);
    }
  }
  return [...holders.values()]
    .filter((ids) => ids.length > 1)
    .slice(0, MAX_VIOLATIONS)
    .map((ids) => ({ ids: ids.slice(0, MAX_VIOLATIONS) }));
}

/** The index a collection is born with. */
function firstIndex({ isView, timeSeries, options }: Collection): Doc | undefined {
  const { collation, clusteredIndex } = options;
  const byId = isDocument(clusteredIndex)
    ? { v: 2, name: "_id_", ...clusteredIndex, clustered: true }
    : { v: 2, key: { _id: 1 }, name: "_id_" };
  const spec = timeSeries ? timeSeriesIndex(timeSeries) : isView ? undefined : byId;
  return spec && collation !== undefined ? { ...spec, collation } : spec;
}

function* storedDocuments(entries: Iterable<{ key: Buffer; value: Buffer }>) {
  for (const { key, value } of entries) {
    yield { record: readRecordId(key), bytes: value };
  }
}

/** @see https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions */
function checkName(db: string, name: string): void {
  if (db === "" || db.length > 63 || /[/\\. "$*<>:|?\0]/.test(db)) {
    throw new MongoError(73, `Invalid database name: '${db}'`);
  }
  const bad =
    name === "" ||
    name.includes("\0") ||
    name.includes("$") ||
    name.startsWith(".") ||
    name.endsWith(".");
  if (bad || Buffer.byteLength(`${db}.${name}`) > 255) {
    throw new MongoError(73, `Invalid collection name: ${name === "" ? `'${db}.'` : name}`);
  }
  if (
    name.startsWith("system.") &&
    !["system.views", "system.profile", "system.js"].includes(name)
  ) {
    throw new MongoError(73, `cannot write to '${db}.${name}'`);
  }
}
