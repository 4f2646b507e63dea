import { openApiDocument } from "../../src/validations/openapi";
import type { Operation } from "../../src/validations/operation";

/** Stands in every hostile value that must not be stored anywhere. */
export const MARK = "h0stile";

/** What the OpenAPI document says of a field; as much of JSON Schema as it uses. */
export interface FieldSchema {
  type?: string | string[];
  format?: string;
  pattern?: string;
  enum?: string[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maxItems?: number;
  items?: FieldSchema;
}

export interface Field {
  place: "path" | "query" | "body";
  name: string;
  required: boolean;
  /** Whether the empty text stands for none. */
  allowsEmpty: boolean;
  schema: FieldSchema;
}

interface Documented {
  parameters?: {
    in: string;
    name: string;
    required?: boolean;
    allowEmptyValue?: boolean;
    schema: FieldSchema;
  }[];
  requestBody?: {
    content: Record<
      string,
      { schema: { properties?: Record<string, FieldSchema>; required?: string[] } }
    >;
  };
}

/** Every field that the OpenAPI document has for the operation, files left out. */
export function fieldsOf({ method, path }: Operation): Field[] {
  const item = openApiDocument().paths?.[path.replace(/:(\w+)/g, "{$1}")] as
    Record<string, Documented> | undefined;
  const { parameters = [], requestBody } = item![method]!;
  const { properties = {}, required = [] } =
    requestBody?.content["multipart/form-data"]?.schema ?? {};
  return [
    // What a protocol says of its own headers is tested with the protocol.
    ...parameters
      .filter(({ in: place }) => place !== "header")
      .map(({ in: place, name, required: isRequired, allowEmptyValue, schema }) => ({
        ...{ place: place as "path" | "query", name, schema },
        required: isRequired === true,
        allowsEmpty: allowEmptyValue === true,
      })),
    ...Object.entries(properties)
      .filter(([, schema]) => schema.format !== "binary")
      .map(([name, schema]) => ({
        ...{ place: "body" as const, name, schema },
        required: required.includes(name),
        allowsEmpty: false,
      })),
  ];
}

/** A generator of numbers in [0, 1) that a seed decides (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Texts that have broken somebody's server, and some that nobody has thought of. */
export function hostileTexts({ schema }: Field, ids: string[], random: () => number): string[] {
  const max = schema.maxLength ?? 300;
  return [
    ...["", "   ", "0", "-1", "-0", "1.5", "1e9", "1000000000", "99999999999999999999", "1e999"],
    ...["NaN", "Infinity", "null", "undefined", "true", "[object Object]", "[]", "{}", "__proto__"],
    ...[
      "constructor",
      "hasOwnProperty",
      "../../etc/passwd",
      "%00",
      "%",
      "<script>alert(1)</script>",
    ],
    ...["' OR 1=1 --", '{"$gt":""}', "$where", "(a+)+$", ".*", "\u202e\u2066", "😀", "\r\nX-A: b"],
    ...["asc", "relevance", "password", "-createdAt", "createdAt,views"],
    ...[`\0${MARK}`, `${MARK}\0`, `${MARK}\ud800`, `\udc00${MARK}`],
    `${MARK}${"x".repeat(max)}`,
    `${MARK}${"😀".repeat(max)}`,
    ...ids,
    ...ids.slice(0, 1).flatMap((id) => [id.toUpperCase(), id.slice(1), `${id}0`]),
    ...Array.from({ length: 4 }, () => randomText(random)),
  ];
}

function randomText(random: () => number): string {
  const length = 1 + Math.floor(random() * 40);
  return Array.from({ length }, () => String.fromCharCode(Math.floor(random() * 0xffff))).join("");
}

/** JSON values of every other type, with operators and prototypes. */
export function hostileValues({ schema }: Field): unknown[] {
  return [
    ...[undefined, null, true, false, 0, -1, 1.5, 1e308, -1e308, 2 ** 53],
    ...[[], [MARK], [[MARK]], [null], [{ $gt: MARK }], Array.from({ length: 2000 }, () => MARK)],
    ...[
      {},
      { $gt: MARK },
      { $ne: null },
      { $where: MARK },
      { $regex: `${MARK}.*` },
      { $in: [MARK] },
    ],
    ...[{ length: 1 }, { toString: MARK }, { _bsontype: "ObjectId", id: MARK }],
    JSON.parse(`{"__proto__":{"polluted":"${MARK}"}}`),
    { constructor: { prototype: { polluted: MARK } } },
    { [MARK]: { [MARK]: MARK } },
    Array.from({ length: (schema.maxItems ?? 20) + 1 }, (_, i) => `${MARK}${i}`),
  ];
}

/** Members beside those of the document. */
export const UNKNOWN_MEMBERS: unknown[] = [
  { [`${MARK}Key`]: MARK },
  { $set: { title: MARK }, $where: MARK },
  JSON.parse(`{"__proto__":{"polluted":"${MARK}"}}`),
  { constructor: { prototype: { polluted: MARK } } },
  { role: MARK, likesCount: 987654321, views: 987654321, repliesCount: 987654321 },
  { videoFile: MARK, thumbnail: MARK, avatar: MARK, coverImage: MARK },
  { __v: MARK, createdAt: `${MARK}` },
];

/** Whether the document forbids this JSON value; what it leaves open is not forbidden. */
export function isForbidden({ schema, required }: Field, value: unknown): boolean {
  if (value === undefined) {
    return required;
  }
  return violates(schema, value);
}

function violates(schema: FieldSchema, value: unknown): boolean {
  const types = [schema.type ?? "string"].flat();
  if (typeof value === "string") {
    return isForbiddenText(schema, value);
  }
  if (typeof value === "number") {
    return !types.includes("number") || value < (schema.minimum ?? -Infinity);
  }
  if (typeof value === "boolean") {
    return !types.includes("boolean");
  }
  if (Array.isArray(value)) {
    return (
      !types.includes("array") ||
      value.length > (schema.maxItems ?? Infinity) ||
      value.some((entry) => violates(schema.items ?? {}, entry))
    );
  }
  return value === null ? !types.includes("null") : true;
}

/** Whether the document forbids this text, in a path, a query, a form or a JSON string. */
export function isForbiddenText(schema: FieldSchema, value: string): boolean {
  const types = [schema.type ?? "string"].flat();
  if (types.includes("integer")) {
    return !/^\d{1,10}$/.test(value) || Number(value) < 1;
  }
  if (types.includes("number")) {
    return !/^\d+(\.\d+)?$/.test(value);
  }
  if (types.includes("boolean")) {
    return value !== "true" && value !== "false";
  }
  // Forms have no lists: what a text means as one is the operation's own affair.
  if (types.includes("array")) {
    return false;
  }
  const trimmed = schema.format === "password" ? value : value.trim();
  return (
    (schema.enum !== undefined && !schema.enum.includes(value)) ||
    (schema.pattern !== undefined && !new RegExp(schema.pattern).test(trimmed)) ||
    (schema.format === "email" && !value.includes("@")) ||
    trimmed.length > (schema.maxLength ?? Infinity) ||
    trimmed.length < (schema.minLength ?? 0)
  );
}

/** Whether the value has text that could not be given back as it was sent. */
export function isUnstorable(value: unknown): boolean {
  return typeof value === "string" && (!value.isWellFormed() || value.includes("\0"));
}
