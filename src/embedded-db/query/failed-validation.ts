import { type Doc, isDocument, typeName } from "../bson/values";
import { evaluateExpression } from "./expression";
import { type FilterOptions, parseFilter } from "./filter";
import { brokenRules, fitsSchema } from "./json-schema";
import { own, readPath } from "./path";

/**
 * Why a document does not pass a validator: the `errInfo.details` of error 121.
 * @see https://www.mongodb.com/docs/manual/core/schema-validation/handle-invalid-documents/
 */
export function failedValidation(validator: Doc, doc: Doc, options: FilterOptions): Doc {
  const clauses = Object.entries(validator).flatMap(([name, value]) => clausesOf(name, value));
  const [clause] = clauses;
  return clause && clauses.length === 1
    ? failedClause(clause, doc, options)
    : { operatorName: "$and", clausesNotSatisfied: failedAmong(clauses, doc, options) };
}

/** A field's operators one by one, the others as they are. */
function clausesOf(name: string, value: unknown): Doc[] {
  const operators =
    !name.startsWith("$") && isDocument(value)
      ? Object.keys(value).filter((operator) => operator.startsWith("$"))
      : [];
  return operators.length === 0 || operators.includes("$regex")
    ? [{ [name]: value }]
    : operators.map((operator) => ({ [name]: { [operator]: (value as Doc)[operator] } }));
}

function failedAmong(clauses: readonly Doc[], doc: Doc, options: FilterOptions): Doc[] {
  return clauses.flatMap((clause, index) =>
    parseFilter(clause, options).matches(doc)
      ? []
      : [{ index, details: failedValidation(clause, doc, options) }],
  );
}

function failedClause(clause: Doc, doc: Doc, options: FilterOptions): Doc {
  const [[name, value] = ["", undefined]] = Object.entries(clause);
  switch (name) {
    case "$and":
    case "$or":
      return {
        operatorName: name,
        clausesNotSatisfied: failedAmong(value as Doc[], doc, options),
      };
    case "$nor":
      return {
        operatorName: name,
        clausesSatisfied: (value as Doc[]).flatMap((inner, index) =>
          parseFilter(inner, options).matches(doc) ? [{ index, details: inner }] : [],
        ),
      };
    case "$jsonSchema":
      return {
        operatorName: name,
        ...annotations(value as Doc),
        schemaRulesNotSatisfied: failedRules(value as Doc, doc),
      };
    case "$expr":
      return {
        operatorName: name,
        specifiedAs: clause,
        reason: "expression did not match",
        expressionResult: evaluateExpression(doc, value, options),
      };
    default:
      return failedField(name, value, doc);
  }
}

/** Why an operator says no, where it does not compare. */
const REASONS: Record<string, string> = {
  $in: "no matching value found in array",
  $mod: "$mod did not evaluate to expected remainder",
  $not: "child expression matched",
  $regex: "regular expression did not match",
  $size: "array length was not equal to given size",
  $type: "type did not match",
};

function failedField(path: string, value: unknown, doc: Doc): Doc {
  const [first = ""] = isDocument(value) ? Object.keys(value) : [];
  const operatorName = first.startsWith("$") ? first : "$eq";
  const found = readPath(doc, path.split("."));
  const specified = { operatorName, specifiedAs: { [path]: value } };
  if (operatorName === "$exists") {
    return { ...specified, reason: `path does ${found === undefined ? "not " : ""}exist` };
  }
  if (found === undefined) {
    return { ...specified, reason: "field was missing" };
  }
  return {
    ...specified,
    reason: REASONS[operatorName] ?? "comparison failed",
    ...(Array.isArray(found)
      ? { consideredValues: [...(found as unknown[]), found] }
      : { consideredValue: found }),
    ...(operatorName === "$type" ? { consideredType: typeName(found) } : {}),
  };
}

function annotations({ title, description }: Doc): Doc {
  return {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
  };
}

/** How a rule of `$jsonSchema` that looks at one value fails. */
const RULE_REASONS: Record<string, string> = {
  bsonType: "type did not match",
  enum: "value was not found in enum",
  maxItems: "array did not match specified length",
  maxLength: "specified string length was not satisfied",
  maximum: "comparison failed",
  minItems: "array did not match specified length",
  minLength: "specified string length was not satisfied",
  minimum: "comparison failed",
  multipleOf: "considered value is not a multiple of the specified value",
  pattern: "regular expression did not match",
  type: "type did not match",
  uniqueItems: "found a duplicate item",
};

/** What the rules that hold schemas, or count properties, tell of their failure, sorted. */
const RULES: Record<string, (schema: Doc, value: unknown) => Doc> = {
  additionalProperties: (schema, value) => ({
    specifiedAs: { additionalProperties: schema["additionalProperties"] },
    additionalProperties: Object.entries(value as Doc)
      .filter(([name, one]) =>
        brokenRules(schema, { [name]: one }).includes("additionalProperties"),
      )
      .map(([name]) => name),
  }),
  allOf: (schema, value) => ({ schemasNotSatisfied: failedSchemas(schema["allOf"], value) }),
  anyOf: (schema, value) => ({ schemasNotSatisfied: failedSchemas(schema["anyOf"], value) }),
  items: (schema, value) => failedItem(schema["items"], value as unknown[]),
  maxProperties: countedProperties("maxProperties"),
  minProperties: countedProperties("minProperties"),
  not: () => ({ reason: "child expression matched" }),
  oneOf: (schema, value) => failedOneOf(schema["oneOf"] as Doc[], value),
  properties: (schema, value) => ({
    propertiesNotSatisfied: Object.entries(schema["properties"] as Record<string, Doc>).flatMap(
      ([propertyName, inner]) => {
        const found = own(value as Doc, propertyName);
        return found === undefined || fitsSchema(inner, found)
          ? []
          : [{ propertyName, ...annotations(inner), details: failedRules(inner, found) }];
      },
    ),
  }),
  required: ({ required }, value) => ({
    specifiedAs: { required },
    missingProperties: (required as string[]).filter(
      (name) => own(value as Doc, name) === undefined,
    ),
  }),
};

/** The rules of a schema that a value breaks. */
function failedRules(schema: Doc, value: unknown): Doc[] {
  return brokenRules(schema, value).map((name) => {
    const details = Object.hasOwn(RULES, name) ? RULES[name]?.(schema, value) : undefined;
    return { operatorName: name, ...(details ?? failedRule(name, schema, value)) };
  });
}

function failedRule(name: string, schema: Doc, value: unknown): Doc {
  const reason = RULE_REASONS[name];
  return {
    specifiedAs: { [name]: schema[name] },
    ...(reason === undefined ? {} : { reason }),
    consideredValue: value,
    ...(name === "bsonType" || name === "type" ? { consideredType: typeName(value) } : {}),
  };
}

function countedProperties(name: string): (schema: Doc, value: unknown) => Doc {
  return (schema, value) => ({
    specifiedAs: { [name]: schema[name] },
    reason: "specified number of properties was not satisfied",
    numberOfProperties: Object.keys(value as Doc).length,
  });
}

function failedSchemas(schemas: unknown, value: unknown): Doc[] {
  return (schemas as Doc[]).flatMap((schema, index) =>
    fitsSchema(schema, value)
      ? []
      : [{ index, ...annotations(schema), details: failedRules(schema, value) }],
  );
}

function failedOneOf(schemas: readonly Doc[], value: unknown): Doc {
  const matchingSchemaIndexes = [...schemas.keys()].filter((at) =>
    fitsSchema(schemas[at] as Doc, value),
  );
  return matchingSchemaIndexes.length === 0
    ? { schemasNotSatisfied: failedSchemas(schemas, value) }
    : { reason: "more than one subschema matched", matchingSchemaIndexes };
}

function failedItem(items: unknown, array: readonly unknown[]): Doc {
  const schemaAt = (at: number) => (Array.isArray(items) ? items[at] : items) as Doc | undefined;
  const itemIndex = array.findIndex((item, at) => {
    const schema = schemaAt(at);
    return schema !== undefined && !fitsSchema(schema, item);
  });
  return {
    reason: "At least one item did not match the sub-schema",
    itemIndex,
    details: failedRules(schemaAt(itemIndex) as Doc, array[itemIndex]),
  };
}
