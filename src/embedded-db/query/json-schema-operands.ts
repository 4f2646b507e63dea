import { badValue, failedToParse, type MongoError, typeMismatch } from "../errors";
import { compareValues } from "../bson/compare";
import { type Doc, isDocument, isNumeric, toNumber, typeName } from "../bson/values";
import { identityOf } from "../index/index-keys";

/** Refuses the operand of a keyword; gives nothing for a good one. */
type Refuse = (keyword: string, operand: unknown, schema: Doc) => MongoError | undefined;

const isString = (value: unknown) => typeof value === "string";

/** What the keywords of `$jsonSchema` take, sorted. */
const OPERANDS: Record<string, Refuse> = {
  additionalItems: needs("either an object or a boolean", isSchemaOrFlag),
  additionalProperties: needs("either an object or a boolean", isSchemaOrFlag),
  allOf: schemaList,
  anyOf: schemaList,
  bsonType: typeNames,
  dependencies: needs("an object", isDocument),
  description: needs("a string", isString),
  enum: enumeration,
  exclusiveMaximum: exclusive("maximum"),
  exclusiveMinimum: exclusive("minimum"),
  items: needs(
    "an object or an array of objects",
    (value) => isDocument(value) || (Array.isArray(value) && value.every(isDocument)),
  ),
  maxItems: wholeNumber,
  maxLength: wholeNumber,
  maxProperties: wholeNumber,
  maximum: needs("a number", isNumeric),
  minItems: wholeNumber,
  minLength: wholeNumber,
  minProperties: wholeNumber,
  minimum: needs("a number", isNumeric),
  multipleOf: positive,
  not: needs("an object", isDocument),
  oneOf: schemaList,
  pattern: needs("a string", isString),
  patternProperties: needs("an object", isDocument),
  properties: needs("an object", isDocument),
  required: names,
  title: needs("a string", isString),
  type: typeNames,
  uniqueItems: needs("a boolean", (value) => typeof value === "boolean"),
};

/** Refuses a keyword of a schema whose operand is not what it takes. */
export function checkOperand(keyword: string, schema: Doc): void {
  const error = OPERANDS[keyword]?.(keyword, schema[keyword], schema);
  if (error) {
    throw error;
  }
}

function needs(what: string, fits: (operand: unknown) => boolean): Refuse {
  return (keyword, operand) => (fits(operand) ? undefined : wrongType(keyword, what, operand));
}

function wrongType(keyword: string, what: string, operand: unknown): MongoError {
  return typeMismatch(
    `$jsonSchema keyword '${keyword}' must be ${what}, but found an element of type ${typeName(operand)}`,
  );
}

function isSchemaOrFlag(operand: unknown): boolean {
  return isDocument(operand) || typeof operand === "boolean";
}

/** A list with something in it, whose elements are all of one kind. */
function list(
  keyword: string,
  operand: unknown,
  kind: string,
  fits: (element: unknown) => boolean,
): MongoError | undefined {
  if (!Array.isArray(operand)) {
    return wrongType(keyword, "an array", operand);
  }
  if (operand.length === 0) {
    return failedToParse(`$jsonSchema keyword '${keyword}' cannot be an empty array`);
  }
  const other: unknown = operand.find((element) => !fits(element));
  return other === undefined || fits(other)
    ? undefined
    : wrongType(keyword, `an array of ${kind}`, other);
}

function schemaList(keyword: string, operand: unknown): MongoError | undefined {
  if (Array.isArray(operand) && operand.length === 0) {
    return badValue(`$jsonSchema keyword '${keyword}' must be a non-empty array`);
  }
  return list(keyword, operand, "objects", isDocument);
}

function names(keyword: string, operand: unknown): MongoError | undefined {
  return list(keyword, operand, "strings", isString) ?? refuseTwice(keyword, operand as unknown[]);
}

function enumeration(keyword: string, operand: unknown): MongoError | undefined {
  return list(keyword, operand, "values", () => true) ?? refuseTwice(keyword, operand as unknown[]);
}

function refuseTwice(keyword: string, values: readonly unknown[]): MongoError | undefined {
  const different = new Set(values.map((value) => identityOf(value)));
  return different.size === values.length
    ? undefined
    : failedToParse(`$jsonSchema keyword '${keyword}' array cannot contain duplicate values.`);
}

function typeNames(keyword: string, operand: unknown, schema: Doc): MongoError | undefined {
  if ("type" in schema && "bsonType" in schema) {
    return failedToParse("Cannot specify both $jsonSchema keywords 'type' and 'bsonType'");
  }
  return isString(operand) ? undefined : names(keyword, operand);
}

function wholeNumber(keyword: string, operand: unknown): MongoError | undefined {
  const number = toNumber(operand);
  if (number === undefined) {
    return wrongType(keyword, "a number", operand);
  }
  return Number.isInteger(number) && number >= 0
    ? undefined
    : failedToParse(
        `Value for keyword '${keyword}' must be a non-negative integer, but found ${number}`,
      );
}

function positive(keyword: string, operand: unknown): MongoError | undefined {
  if (!isNumeric(operand)) {
    return wrongType(keyword, "a number", operand);
  }
  return compareValues(operand, 0) > 0
    ? undefined
    : failedToParse(`$jsonSchema keyword '${keyword}' must have a positive value`);
}

/** A flag that says how another keyword, which must be there, is meant. */
function exclusive(bound: string): Refuse {
  return (keyword, operand, schema) => {
    if (typeof operand !== "boolean") {
      return wrongType(keyword, "a boolean", operand);
    }
    return bound in schema
      ? undefined
      : failedToParse(`$jsonSchema keyword '${bound}' must be a present if ${keyword} is present`);
  };
}
