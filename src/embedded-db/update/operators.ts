import { badValue, failedToParse, typeMismatch } from "../errors";
import { arithmetic, parseLong } from "../bson/numbers";
import { compareValues, equalValues, identicalValues } from "../bson/compare";
import { formatIdentity, formatValue } from "../bson/format";
import {
  type Doc,
  isDocument,
  isNumeric,
  Long,
  textOf,
  Timestamp,
  toNumber,
  typeName,
} from "../bson/values";
import type { Collation } from "../query/collation";
import { isLogical, isOperatorDocument, isRegex, parseFilter } from "../query/filter";
import { checkDeadline } from "../query/watch";
import { arrayOnTheWay, firstMissing, isDynamic, parsePath, refuseDollar, setPath } from "./path";
import { checkPush, push } from "./push";

/** One operator on one path of one document. */
export interface Application {
  doc: Doc;
  path: string;
  operand: unknown;
  inserting: boolean;
  collation: Collation | undefined;
  /** Tells a change at another path than its own. */
  note: (parts: readonly string[], value: unknown) => void;
}

export interface UpdateOperator {
  /** Makes missing documents on the way to its path. */
  creates: boolean;
  /** Refuses a path that leads through a value without fields. */
  traverses?: boolean;
  /** Elements put behind an array are changes of their own. */
  appends?: boolean;
  /** Refuses an operand before any document is touched. */
  check?: (path: string, operand: unknown) => void;
  /** The new value; the old one for no change, undefined to remove the field. */
  apply: (before: unknown, application: Application) => unknown;
}

/**
 * The update operators, sorted.
 * @see https://www.mongodb.com/docs/manual/reference/operator/update/
 */
export const OPERATORS: Record<string, UpdateOperator> = {
  $addToSet: { creates: true, check: checkAddToSet, apply: addToSet },
  $bit: { creates: true, check: checkBit, apply: bit },
  $currentDate: { creates: true, check: checkCurrentDate, apply: currentDate },
  $inc: numeric("$inc", "increment", (before, operand) => arithmetic("add", before, operand)),
  $max: {
    creates: true,
    apply: (before, { operand, collation }) => extreme(before, operand, 1, collation),
  },
  $min: {
    creates: true,
    apply: (before, { operand, collation }) => extreme(before, operand, -1, collation),
  },
  $mul: numeric("$mul", "multiply", (before, operand) => arithmetic("multiply", before, operand)),
  $pop: { creates: false, traverses: true, check: checkPop, apply: pop },
  $pull: { creates: false, traverses: true, check: checkPull, apply: pull },
  $pullAll: { creates: false, traverses: true, check: checkPullAll, apply: pullAll },
  $push: { creates: true, appends: true, check: checkPush, apply: push },
  $rename: { creates: false, traverses: true, check: checkRename, apply: rename },
  $set: { creates: true, apply: (before, { operand }) => keepIfEqual(before, operand) },
  $setOnInsert: { creates: true, apply: (_before, { operand }) => operand },
  $unset: { creates: false, apply: () => undefined },
};

/** Equal values of one type are no change, so `nModified` stays 0. */
function keepIfEqual(before: unknown, after: unknown): unknown {
  return before !== undefined && identicalValues(before, after) ? before : after;
}

function shown(path: string, value: unknown): string {
  return `{${path}: ${formatValue(value)}}`;
}

function numeric(
  name: string,
  verb: string,
  compute: (before: unknown, operand: unknown) => unknown,
): UpdateOperator {
  return {
    creates: true,
    check: (path, operand) => {
      if (!isNumeric(operand)) {
        throw typeMismatch(`Cannot ${verb} with non-numeric argument: ${shown(path, operand)}`);
      }
    },
    apply: (before, { operand, path, doc }) => {
      if (before === undefined) {
        return name === "$inc" ? operand : compute(0, operand);
      }
      if (!isNumeric(before)) {
        const field = path.split(".").at(-1);
        throw typeMismatch(
          `Cannot apply ${name} to a value of non-numeric type. ${formatIdentity(doc)} has the field '${field}' of non-numeric type ${typeName(before)}`,
        );
      }
      const after = compute(before, operand);
      if (after === undefined) {
        throw badValue(
          `Failed to apply ${name} operations to current value (${formatValue(before)}) for document ${formatIdentity(doc)}`,
        );
      }
      return after;
    },
  };
}

function extreme(before: unknown, operand: unknown, sign: 1 | -1, collation?: Collation): unknown {
  if (before === undefined) {
    return operand;
  }
  return compareValues(operand, before, collation?.order) * sign > 0 ? operand : before;
}

function checkBit(_path: string, operand: unknown): void {
  if (!isDocument(operand)) {
    throw badValue(
      `The $bit modifier is not compatible with a ${typeName(operand)}. You must pass in an embedded document: {$bit: {field: {and/or/xor: #}}`,
    );
  }
  const operations = Object.entries(operand);
  for (const [name, mask] of operations) {
    if (!["and", "or", "xor"].includes(name)) {
      throw badValue(
        `The $bit modifier only supports 'and', 'or', and 'xor', not '${name}' which is an unknown operator: ${shown(name, mask)}`,
      );
    }
    if (!isInteger(mask)) {
      throw badValue(
        `The $bit modifier field must be an Integer(32/64 bit); a '${typeName(mask)}' is not supported here: ${shown(name, mask)}`,
      );
    }
  }
  if (operations.length === 0) {
    throw badValue(
      "You must pass in at least one bitwise operation. The format is: {$bit: {field: {and/or/xor: #}}",
    );
  }
}

function isInteger(value: unknown): boolean {
  return ["int", "long"].includes(typeName(value));
}

function bit(before: unknown, { operand, path, doc }: Application): unknown {
  if (before !== undefined && !isInteger(before)) {
    throw badValue(
      `Cannot apply $bit to a value of non-integral type.${formatIdentity(doc).slice(1, -1)} has the field ${path.split(".").at(-1)} of non-integer type ${typeName(before)}`,
    );
  }
  const operations = Object.entries(operand as Doc);
  const wide = before instanceof Long || operations.some(([, value]) => value instanceof Long);
  const result = operations.reduce(
    (value, [name, mask]) => {
      const bits = BigInt(String(mask));
      return name === "and" ? value & bits : name === "or" ? value | bits : value ^ bits;
    },
    BigInt(textOf(before ?? 0)),
  );
  return wide ? Long.fromBigInt(result) : Number(BigInt.asIntN(32, result));
}

function checkCurrentDate(_path: string, operand: unknown): void {
  if (typeof operand === "boolean") {
    return;
  }
  if (!isDocument(operand)) {
    throw badValue(
      `${typeName(operand)} is not valid type for $currentDate. Please use a boolean ('true') or a $type expression ({$type: 'timestamp/date'}).`,
    );
  }
  const unknown = Object.keys(operand).find((name) => name !== "$type");
  if (unknown !== undefined) {
    throw badValue(`Unrecognized $currentDate option: ${unknown}`);
  }
  if (operand["$type"] !== "date" && operand["$type"] !== "timestamp") {
    throw badValue(
      "The '$type' string field is required to be 'date' or 'timestamp': {$currentDate: {field : {$type: 'date'}}}",
    );
  }
}

function currentDate(_before: unknown, { operand }: Application): unknown {
  const now = Date.now();
  const timestamp = isDocument(operand) && operand["$type"] === "timestamp";
  return timestamp ? new Timestamp({ t: Math.floor(now / 1000), i: 1 }) : new Date(now);
}

function checkAddToSet(_path: string, operand: unknown): void {
  if (!startsWithEach(operand)) {
    return;
  }
  const { $each: each } = operand;
  if (!Array.isArray(each)) {
    throw typeMismatch(
      `The argument to $each in $addToSet must be an array but it was of type ${typeName(each)}`,
    );
  }
  if (Object.keys(operand).length > 1) {
    throw badValue(`Found unexpected fields after $each in $addToSet: ${formatValue(operand)}`);
  }
}

/** Behind another field, `$each` is a field of the element. */
function startsWithEach(operand: unknown): operand is Doc {
  return isDocument(operand) && Object.keys(operand)[0] === "$each";
}

function addToSet(before: unknown, { operand, path, collation }: Application): unknown {
  if (before !== undefined && !Array.isArray(before)) {
    throw badValue(
      `Cannot apply $addToSet to non-array field. Field named '${path.split(".").at(-1)}' has non-array type ${typeName(before)}`,
    );
  }
  const additions = startsWithEach(operand) ? (operand["$each"] as unknown[]) : [operand];
  const after: unknown[] = before === undefined ? [] : [...(before as unknown[])];
  for (const value of additions) {
    checkDeadline();
    if (!after.some((known) => equalValues(known, value, collation?.order))) {
      after.push(value);
    }
  }
  return before !== undefined && after.length === before.length ? before : after;
}

function checkPull(_path: string, operand: unknown): void {
  pullTest(operand, undefined);
}

function pull(before: unknown, { operand, collation }: Application): unknown {
  if (before === undefined) {
    return before;
  }
  if (!Array.isArray(before)) {
    throw badValue("Cannot apply $pull to a non-array value");
  }
  const test = pullTest(operand, collation);
  const after = before.filter((element) => !test(element));
  return after.length === before.length ? before : after;
}

/**
 * A document is a filter for elements that are documents, operators look into an element that is an
 * array as they do into a field; other values are compared.
 */
function pullTest(
  operand: unknown,
  collation: Collation | undefined,
): (element: unknown) => boolean {
  if ((isOperatorDocument(operand) && !isLogical(operand)) || isRegex(operand)) {
    const filter = parseFilter({ element: operand }, { collation });
    return (element) => filter.matches({ element });
  }
  if (isDocument(operand)) {
    const filter = parseFilter(operand, { collation });
    return (element) => isDocument(element) && filter.matches(element);
  }
  return (element) => equalValues(element, operand, collation?.order);
}

function checkPullAll(_path: string, operand: unknown): void {
  if (!Array.isArray(operand)) {
    throw badValue(`$pullAll requires an array argument but was given a ${typeName(operand)}`);
  }
}

function pullAll(before: unknown, { operand, collation }: Application): unknown {
  if (before === undefined) {
    return before;
  }
  if (!Array.isArray(before)) {
    throw badValue("Cannot apply $pullAll to a non-array value");
  }
  const unwanted = operand as unknown[];
  const after = before.filter((element) => {
    checkDeadline();
    return !unwanted.some((value) => equalValues(value, element, collation?.order));
  });
  return after.length === before.length ? before : after;
}

function checkPop(path: string, operand: unknown): void {
  const end = parseLong(path, operand);
  if (end !== 1n && end !== -1n) {
    throw failedToParse(`$pop expects 1 or -1, found: ${end}`);
  }
}

function pop(before: unknown, { operand, path }: Application): unknown {
  if (before === undefined) {
    return before;
  }
  if (!Array.isArray(before)) {
    throw typeMismatch(
      `Path '${path}' contains an element of non-array type '${typeName(before)}'`,
    );
  }
  if (before.length === 0) {
    return before;
  }
  return toNumber(operand) === 1 ? before.slice(0, -1) : before.slice(1);
}

function checkRename(path: string, operand: unknown): void {
  if (typeof operand !== "string") {
    throw badValue(`The 'to' field for $rename must be a string: ${path}: ${formatValue(operand)}`);
  }
  const target = parsePath(operand);
  if (operand.includes("\0")) {
    throw badValue("The 'to' field for $rename cannot contain an embedded null byte");
  }
  const ends = `${path}: ${formatValue(operand)}`;
  if (path === operand) {
    throw badValue(`The source and target field for $rename must differ: ${ends}`);
  }
  if (path.startsWith(`${operand}.`) || operand.startsWith(`${path}.`)) {
    throw badValue(`The source and target field for $rename must not be on the same path: ${ends}`);
  }
  if (isDynamic(path.split("."))) {
    throw badValue(`The source field for $rename may not be dynamic: ${path}`);
  }
  if (isDynamic(target)) {
    throw badValue(`The destination field for $rename may not be dynamic: ${operand}`);
  }
}

function rename(before: unknown, { operand, path, doc, note }: Application): unknown {
  if (before === undefined) {
    return before;
  }
  refuseArray("source", doc, path);
  refuseArray("destination", doc, String(operand));
  const target = String(operand).split(".");
  refuseDollar(target, firstMissing(doc, target));
  setPath(doc, target, before);
  note(target, before);
  return undefined;
}

function refuseArray(end: string, doc: Doc, path: string): void {
  const array = arrayOnTheWay(doc, path.split("."));
  if (array !== undefined) {
    throw badValue(
      `The ${end} field cannot be an array element, '${path}' in doc with ${formatIdentity(doc).slice(1, -1)} has an array field called '${array}'`,
    );
  }
}
