import { MongoError } from "../errors";
import { formatDocument, formatValue } from "../bson/format";
import { type Doc, isDocument, toNumber } from "../bson/values";
import { parseCollation, type Collation } from "../query/collation";
import {
  extractKeys,
  hasPlace,
  type IndexField,
  lacksAllFields,
  refuseAmbiguous,
  valuesOfKey,
} from "../index/index-keys";
import { isIdKey } from "../index/index-spec";
import { componentLimit } from "../index/key-string";
import { checkGeoFields } from "../query/geo/indexed";
import { TextAnalyzer, type TextSpec } from "../index/text";
import { parseFilter, type Filter } from "../query/filter";
import {
  indexPrefix,
  indexRange,
  readRecordId,
  type RecordId,
  recordIdBytes,
} from "../storage/keys";
import type { Reader, Writer } from "../storage/storage";

/** The value of entries whose key says everything. */
const PRESENT = Buffer.from([1]);

/** Comes after every record id. */
const BEHIND_RECORDS = Buffer.alloc(7, 0xff);

export interface IndexRecord {
  id: number;
  spec: Doc;
  /** Places in the key pattern where some document holds an array. */
  multikey: number[];
  /** Places where some value was too long for the key. */
  cut: number[];
}

/**
 * One index of a collection. Unique indexes map a key to a record id; the others carry the record
 * id at the end of the key.
 */
export class Index {
  readonly fields: readonly IndexField[];
  readonly collation: Collation | undefined;
  readonly partialFilter: Filter | undefined;
  readonly text: TextSpec | undefined;
  readonly multikey: Set<number>;
  /** Fields whose keys do not all sort like their values, because some are cut. */
  readonly cut: Set<number>;
  /** What all its keys start with. */
  readonly scanPrefix: Buffer;
  readonly name: string;
  readonly isId: boolean;
  readonly unique: boolean;
  /** Keeps the duplicates it has and refuses new ones, on the way to becoming unique. */
  readonly preparesUnique: boolean;
  readonly sparse: boolean;
  /** The top-level fields that its keys come from; undefined for any. */
  readonly roots: readonly string[] | undefined;
  /** The fields whose path may name a place in an array. */
  private readonly places: readonly IndexField[];
  /** How many operations have looked into it. */
  readonly accesses = { ops: 0, since: new Date() };

  constructor(
    readonly id: number,
    readonly spec: Doc,
    multikey: readonly number[] = [],
    cut: readonly number[] = [],
  ) {
    this.fields = fieldsOf(spec["key"] as Doc);
    this.places = this.fields.filter(hasPlace);
    this.isId = isIdKey(spec["key"] as Doc);
    this.collation = parseCollation(spec["collation"]);
    const partial = spec["partialFilterExpression"] as Doc | undefined;
    this.partialFilter = partial && parseFilter(partial);
    this.text = spec["weights"] ? TextAnalyzer.specOf(spec) : undefined;
    this.multikey = new Set(multikey);
    this.cut = new Set(cut);
    this.scanPrefix = indexPrefix(id);
    this.name = spec["name"] as string;
    this.unique = spec["unique"] === true || this.isId;
    this.preparesUnique = spec["prepareUnique"] === true;
    this.sparse = spec["sparse"] === true;
    this.roots = this.partialFilter ? undefined : rootsOf(this.fields, this.text);
  }

  get hidden(): boolean {
    return this.spec["hidden"] === true;
  }

  /** True when the planner may look keys up in it by value. */
  get ordered(): boolean {
    return (
      this.text === undefined &&
      !this.fields.some(({ path, geo }) => geo !== undefined || path.endsWith("$**"))
    );
  }

  record(): IndexRecord {
    const { id, spec, multikey, cut } = this;
    return { id, spec, multikey: [...multikey], cut: [...cut] };
  }

  /** Grows when a document shows of the fields what its record must say. */
  get findings(): number {
    return this.multikey.size + this.cut.size;
  }

  /** Refuses a document to be stored that the index could not tell its keys of. */
  check(doc: Doc): void {
    if (!(this.partialFilter?.matches(doc) ?? true)) {
      return;
    }
    if (this.text) {
      TextAnalyzer.checkLanguages(this.text, doc);
    }
    refuseAmbiguous(doc, this.places);
  }

  /** The keys of a document, without the record id; empty when the index leaves it out. */
  keysOf(doc: Doc): Buffer[] {
    if (this.partialFilter && !this.partialFilter.matches(doc)) {
      return [];
    }
    if (this.text) {
      return TextAnalyzer.keysOf(this.text, doc).map((key) =>
        Buffer.concat([this.scanPrefix, key]),
      );
    }
    if (this.sparse && lacksAllFields(doc, this.fields)) {
      return [];
    }
    if (this.fields.some(({ geo }) => geo !== undefined)) {
      checkGeoFields(doc, this.fields, this.spec);
    }
    const { keys, multikey, cut } = extractKeys(
      doc,
      this.fields,
      this.scanPrefix,
      this.collation?.fold,
    );
    multikey.forEach((at) => this.multikey.add(at));
    cut.forEach((at) => this.cut.add(at));
    return keys;
  }

  /** The first of these keys that another record than the given one holds. */
  findDuplicate(reader: Reader, keys: readonly Buffer[], self?: RecordId): Buffer | undefined {
    return keys.find((key) => this.isHeldByOther(reader, key, self));
  }

  private isHeldByOther(reader: Reader, key: Buffer, self: RecordId | undefined): boolean {
    if (this.unique) {
      const holder = reader.get(key);
      return holder !== undefined && readRecordId(holder) !== self;
    }
    const end = Buffer.concat([key, BEHIND_RECORDS]);
    for (const entry of reader.range({ start: key, end })) {
      if (readRecordId(entry.key) !== self) {
        return true;
      }
    }
    return false;
  }

  add(writer: Writer, key: Buffer, record: RecordId): void {
    if (this.unique) {
      writer.put(key, recordIdBytes(record));
    } else {
      writer.put(Buffer.concat([key, recordIdBytes(record)]), PRESENT);
    }
  }

  remove(writer: Writer, key: Buffer, record: RecordId): void {
    writer.delete(this.unique ? key : Buffer.concat([key, recordIdBytes(record)]));
  }

  /** True when the index has this key for this record. */
  holds(reader: Reader, key: Buffer, record: RecordId): boolean {
    if (!this.unique) {
      return reader.get(Buffer.concat([key, recordIdBytes(record)])) !== undefined;
    }
    const holder = reader.get(key);
    return holder !== undefined && readRecordId(holder) === record;
  }

  /** The number of keys in the index. */
  size(reader: Reader): number {
    return reader.count(indexRange(this.id));
  }

  /** @see https://www.mongodb.com/docs/manual/core/index-unique/ */
  duplicateError(ns: string, doc: Doc, key: Buffer): MongoError {
    const keyPattern = this.spec["key"] as Doc;
    const values = valuesOfKey(doc, this.fields, this.scanPrefix, key, this.collation?.fold);
    const keyValue: Doc = {};
    this.fields.forEach(({ path }, at) => (keyValue[path] = values?.[at] ?? null));
    // Undefined: the key of an empty array.
    const shown = this.fields
      .map(({ path }, at) => `${path}: ${this.formatKey(values ? values[at] : null)}`)
      .join(", ");
    const { collation } = this.spec;
    const collated = isDocument(collation) ? ` collation: ${formatDocument(collation)}` : "";
    return new MongoError(
      11000,
      `E11000 duplicate key error collection: ${ns} index: ${this.name}${collated} dup key: { ${shown} }`,
      { keyPattern, keyValue },
    );
  }

  /** What a collation compares is no text for people. */
  private formatKey(value: unknown): string {
    return typeof value === "string" && this.collation
      ? `"0x${Buffer.from(this.collation.fold(value)).toString("hex")}"`
      : formatValue(value);
  }
}

function fieldsOf(key: Doc): IndexField[] {
  const fields = Object.entries(key);
  const limit = componentLimit(fields.length);
  return fields.map(([path, direction]) => ({
    path,
    parts: path.split("."),
    descending: (toNumber(direction) ?? 1) < 0,
    hashed: direction === "hashed",
    limit,
    geo: direction === "2dsphere" || direction === "2d" ? direction : undefined,
  }));
}

function rootsOf(fields: readonly IndexField[], text: TextSpec | undefined): string[] | undefined {
  const paths = text
    ? [...text.weights.map(([path]) => path), text.languageField]
    : fields.map(({ path }) => path);
  const roots = new Set(paths.map((path) => path.split(".")[0] as string));
  // elementOf() finds ASCII names only.
  const isFindable = (root: string) => root !== "$**" && /^[\x20-\x7e]*$/.test(root);
  return [...roots].every(isFindable) ? [...roots] : undefined;
}
