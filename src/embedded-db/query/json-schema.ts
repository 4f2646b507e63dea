import { badValue, failedToParse, MongoError } from "../errors";
import { compareValues, equalValues } from "../bson/compare";
import { type Doc, isDocument, isNumeric, toNumber, TYPE_NUMBERS, typeName } from "../bson/values";
import { identityOf } from "../index/index-keys";
import { checkOperand } from "./json-schema-operands";
import { own } from "./path";
import { compileRegex } from "./regex";

type Check = (value: unknown) => boolean;

/** JSON Schema's own type names; `bsonType` takes MongoDB's. */
const JSON_TYPES: Record<string, Check> = {
  array: Array.isArray,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
  number: isNumeric,
  object: isDocument,
  string: (value) => typeof value === "string",
};

type Keyword = (operand: unknown, schema: Doc) => Check;

/** The keywords of `$jsonSchema`, sorted. */
const KEYWORDS: Record<string, Keyword> = {
  additionalItems: () => () => true,
  additionalProperties: additionalProperties,
  allOf: (operand) => all(schemas(operand)),
  anyOf: (operand) => any(schemas(operand)),
  bsonType: (operand) => anyType(operand, bsonType),
  dependencies: dependencies,
  description: () => () => true,
  enum: (operand) => {
    const allowed = operand as unknown[];
    return (value) => allowed.some((entry) => equalValues(entry, value));
  },
  exclusiveMaximum: () => () => true,
  exclusiveMinimum: () => () => true,
  items: items,
  maxItems: (operand) => onArray((array) => array.length <= count(operand)),
  maxLength: (operand) => onString((text) => [...text].length <= count(operand)),
  maxProperties: (operand) => onObject((doc) => Object.keys(doc).length <= count(operand)),
  maximum: (operand, schema) =>
    onNumber((value) => compareValues(value, operand) < (schema["exclusiveMaximum"] ? 0 : 1)),
  minItems: (operand) => onArray((array) => array.length >= count(operand)),
  minLength: (operand) => onString((text) => [...text].length >= count(operand)),
  minProperties: (operand) => onObject((doc) => Object.keys(doc).length >= count(operand)),
  minimum: (operand, schema) =>
    onNumber((value) => compareValues(value, operand) > (schema["exclusiveMinimum"] ? 0 : -1)),
  multipleOf: (operand) => onNumber((value) => (toNumber(value) ?? 0) % count(operand) === 0),
  not: (operand) => {
    const check = compileJsonSchema(operand);
    return (value) => !check(value);
  },
  oneOf: (operand) => {
    const checks = schemas(operand);
    return (value) => checks.filter((check) => check(value)).length === 1;
  },
  pattern: (operand) => {
    const regex = compileRegex(operand, undefined);
    return onString((text) => regex.test(text));
  },
  patternProperties: patternProperties,
  properties: properties,
  required: (operand) =>
    onObject((doc) => (operand as string[]).every((name) => own(doc, name) !== undefined)),
  title: () => () => true,
  type: (operand) => anyType(operand, jsonType),
  uniqueItems: (operand) => onArray((array) => operand !== true || !hasDuplicates(array)),
};

/**
 * Compiles a schema to a test.
 * @see https://www.mongodb.com/docs/manual/reference/operator/query/jsonSchema/
 */
export function compileJsonSchema(schema: unknown): Check {
  if (!isDocument(schema)) {
    throw new MongoError(14, "$jsonSchema must be an object");
  }
  return all(Object.keys(schema).map((name) => compileRule(name, schema)));
}

/** True for a value that a schema takes. */
export function fitsSchema(schema: Doc, value: unknown): boolean {
  return compileJsonSchema(schema)(value);
}

/** The names of the rules of a schema that a value breaks; `properties` come before `required`. */
export function brokenRules(schema: Doc, value: unknown): string[] {
  return Object.keys(schema)
    .filter((name) => !compileRule(name, schema)(value))
    .sort((a, b) => Number(a === "required") - Number(b === "required"));
}

function compileRule(name: string, schema: Doc): Check {
  const keyword = Object.hasOwn(KEYWORDS, name) ? KEYWORDS[name] : undefined;
  if (!keyword) {
    throw failedToParse(`Unknown $jsonSchema keyword: ${name}`);
  }
  checkOperand(name, schema);
  return keyword(schema[name], schema);
}

function all(checks: readonly Check[]): Check {
  return (value) => checks.every((check) => check(value));
}

function any(checks: readonly Check[]): Check {
  return (value) => checks.some((check) => check(value));
}

function schemas(operand: unknown): Check[] {
  return (operand as unknown[]).map(compileJsonSchema);
}

function count(operand: unknown): number {
  return toNumber(operand) ?? 0;
}

function onArray(check: (value: unknown[]) => boolean): Check {
  return (value) => !Array.isArray(value) || check(value);
}

function onString(check: (value: string) => boolean): Check {
  return (value) => typeof value !== "string" || check(value);
}

function onNumber(check: Check): Check {
  return (value) => !isNumeric(value) || check(value);
}

function onObject(check: (value: Doc) => boolean): Check {
  return (value) => !isDocument(value) || check(value);
}

function anyType(operand: unknown, find: (name: string) => Check): Check {
  const names = (Array.isArray(operand) ? operand : [operand]) as string[];
  return any(names.map(find));
}

function jsonType(name: string): Check {
  const check = Object.hasOwn(JSON_TYPES, name) ? JSON_TYPES[name] : undefined;
  if (!check) {
    throw name === "integer"
      ? failedToParse(`$jsonSchema type '${name}' is not currently supported.`)
      : badValue(`Unknown type name alias: ${name}`);
  }
  return check;
}

function bsonType(name: string): Check {
  if (name !== "number" && !Object.hasOwn(TYPE_NUMBERS, name)) {
    throw badValue(`Unknown type name alias: ${name}`);
  }
  return name === "number" ? isNumeric : (value) => typeName(value) === name;
}

function hasDuplicates(array: readonly unknown[]): boolean {
  return new Set(array.map((value) => identityOf(value))).size < array.length;
}

function properties(operand: unknown): Check {
  const checks = Object.entries(operand as Doc).map(
    ([name, schema]) => [name, compileJsonSchema(schema)] as const,
  );
  return onObject((doc) =>
    checks.every(([name, check]) => own(doc, name) === undefined || check(doc[name])),
  );
}

function patternProperties(operand: unknown): Check {
  const checks = Object.entries(operand as Doc).map(
    ([pattern, schema]) => [compileRegex(pattern, undefined), compileJsonSchema(schema)] as const,
  );
  return onObject((doc) =>
    Object.keys(doc).every((name) =>
      checks.every(([regex, check]) => !regex.test(name) || check(doc[name])),
    ),
  );
}

function additionalProperties(operand: unknown, schema: Doc): Check {
  const known = new Set(Object.keys(schema["properties"] ?? {}));
  const patterns = Object.keys((schema["patternProperties"] ?? {}) as Doc).map((pattern) =>
    compileRegex(pattern, undefined),
  );
  const check = isDocument(operand) ? compileJsonSchema(operand) : () => operand !== false;
  return onObject((doc) =>
    Object.keys(doc).every(
      (name) => known.has(name) || patterns.some((regex) => regex.test(name)) || check(doc[name]),
    ),
  );
}

function dependencies(operand: unknown): Check {
  const rules = Object.entries(operand as Doc).map(([name, rule]) => {
    const check = Array.isArray(rule)
      ? (doc: Doc) => (rule as string[]).every((other) => own(doc, other) !== undefined)
      : compileJsonSchema(rule);
    return [name, check as Check] as const;
  });
  return onObject((doc) =>
    rules.every(([name, check]) => own(doc, name) === undefined || check(doc)),
  );
}

function items(operand: unknown): Check {
  if (Array.isArray(operand)) {
    const checks = schemas(operand);
    return onArray((array) => array.every((value, at) => checks[at]?.(value) ?? true));
  }
  const check = compileJsonSchema(operand);
  return onArray((array) => array.every(check));
}
