import { compareValues } from "../bson/compare";
import { BSONRegExp, type Doc, isDocument } from "../bson/values";
import { isOperatorDocument } from "./filter";

/** MongoDB's order of conditions that stand side by side. */
const ORDER = [
  "$and",
  "$or",
  "$elemMatch",
  "$size",
  "$eq",
  "$lte",
  "$lt",
  "$gt",
  "$gte",
  "$regex",
  "$mod",
  "$exists",
  "$in",
  "$bitsAllSet",
  "$bitsAllClear",
  "$bitsAnySet",
  "$bitsAnyClear",
  "$not",
  "$nor",
  "$type",
  "$geoWithin",
  "$geoIntersects",
  "$expr",
];

/**
 * A filter as explain shows it under `parsedQuery`: one condition in each document, its operator
 * written out.
 * @see https://www.mongodb.com/docs/manual/reference/explain-results/
 */
export function canonicalFilter(filter: Doc): Doc {
  const conditions = conditionsOf(filter)
    .map((condition) => ({ condition, place: placeOf(condition) }))
    .sort((a, b) => a.place.order - b.place.order || compareValues(a.place.path, b.place.path))
    .map(({ condition }) => condition);
  const [only = {}, ...others] = conditions;
  return others.length === 0 ? only : { $and: conditions };
}

function placeOf(condition: Doc): { order: number; path: string } {
  const [[name, value] = ["", undefined]] = Object.entries(condition);
  const operator = name.startsWith("$") ? name : Object.keys(value as Doc)[0];
  const order = ORDER.indexOf(operator ?? "");
  return { order: order < 0 ? ORDER.length : order, path: name };
}

function conditionsOf(filter: Doc): Doc[] {
  return Object.entries(filter).flatMap(([name, value]) => {
    if (name === "$comment") {
      return [];
    }
    if (name === "$and") {
      return (value as Doc[]).flatMap(conditionsOf);
    }
    if (name === "$or" && (value as Doc[]).length === 1) {
      return (value as Doc[]).flatMap(conditionsOf);
    }
    if (name === "$or" || name === "$nor") {
      return [{ [name]: (value as Doc[]).map(canonicalFilter) }];
    }
    return name.startsWith("$") ? [{ [name]: value }] : fieldConditions(name, value);
  });
}

function fieldConditions(path: string, value: unknown): Doc[] {
  return fieldOperators(value).map((condition) => ({ [path]: condition }));
}

function fieldOperators(value: unknown): Doc[] {
  if (value instanceof BSONRegExp) {
    return [regexCondition(value.pattern, value.options)];
  }
  if (!isOperatorDocument(value)) {
    return [{ $eq: value }];
  }
  const { $options, ...operators } = value;
  return Object.entries(operators).flatMap(([operator, operand]) =>
    operatorConditions(operator, operand, $options),
  );
}

function operatorConditions(operator: string, operand: unknown, options: unknown): Doc[] {
  switch (operator) {
    case "$ne":
      return [{ $not: { $eq: operand } }];
    case "$nin":
      return [{ $not: inCondition(operand) }];
    case "$in":
      return [inCondition(operand)];
    case "$not":
      return fieldOperators(operand).map((condition) => ({ $not: condition }));
    case "$regex":
      return operand instanceof BSONRegExp
        ? [regexCondition(operand.pattern, options ?? operand.options)]
        : [regexCondition(operand, options)];
    case "$all":
      return (operand as unknown[]).map((value) =>
        isDocument(value) && "$elemMatch" in value ? value : { $eq: value },
      );
    default:
      return [{ [operator]: operand }];
  }
}

function regexCondition($regex: unknown, options: unknown): Doc {
  return options === undefined || options === "" ? { $regex } : { $regex, $options: options };
}

/** The values of an `$in`, each once and in order; a single one is an equality. */
function inCondition(operand: unknown): Doc {
  const values = [...(operand as unknown[])].sort(compareValues);
  const once = values.filter((value, at) => at === 0 || compareValues(values[at - 1], value) !== 0);
  const [only] = once;
  return once.length === 1 && !(only instanceof BSONRegExp) ? { $eq: only } : { $in: once };
}
