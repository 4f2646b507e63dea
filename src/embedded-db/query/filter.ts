import { badValue, failedToParse, MongoError } from "../errors";
import { type Doc, isDocument, isNumeric, toNumber, typeName } from "../bson/values";
import type { Collation } from "./collation";
import { evaluateExpression } from "./expression";
import { compileJsonSchema } from "./json-schema";
import { type NearQuery, parseNear } from "./geo/near";
import { isTruthy } from "./scope";
import { parseTextQuery, type TextQuery } from "./text-query";
import { compileElementMatch, compileOperator, type DocPredicate } from "./predicates";

/** What a filter is parsed with. */
export interface FilterOptions {
  collation?: Collation | undefined;
  /** Variables of `let`, for `$expr`. */
  variables?: Doc | undefined;
}

/** A filter as a tree; the planner reads it, `matches` runs it. */
export type FilterNode =
  | { kind: "and" | "or" | "nor"; children: FilterNode[]; matches: DocPredicate }
  | { kind: "compare"; path: string; operator: string; operand: unknown; matches: DocPredicate }
  | { kind: "element"; path: string; inner: FilterNode; matches: DocPredicate }
  | { kind: "opaque"; matches: DocPredicate };

/** A filter ready to run. */
export interface Filter {
  root: FilterNode;
  matches: DocPredicate;
  text: TextQuery | undefined;
  near: NearQuery | undefined;
  /** It uses `$expr`, which an upsert cannot make a document of. */
  hasExpr: boolean;
  collation: Collation | undefined;
}

interface Parsing extends FilterOptions {
  text?: TextQuery;
  near?: NearQuery;
  hasExpr?: boolean;
}

const REFUSED: Record<string, string> = {
  $where: "$where is not allowed: this server never evaluates JavaScript",
  $function: "$function is not allowed: this server never evaluates JavaScript",
};

/**
 * Parses a query filter.
 * @see https://www.mongodb.com/docs/manual/reference/operator/query/
 */
export function parseFilter(filter: Doc, options: FilterOptions = {}): Filter {
  const parsing: Parsing = { ...options };
  const root = parseDocument(filter, parsing);
  return {
    root,
    matches: root.matches,
    text: parsing.text,
    near: parsing.near,
    hasExpr: parsing.hasExpr === true,
    collation: options.collation,
  };
}

/** True for the filter that every document matches. */
export function isEverything({ root, text, near }: Filter): boolean {
  return root.kind === "and" && root.children.length === 0 && !text && !near;
}

function parseDocument(filter: Doc, parsing: Parsing): FilterNode {
  const children: FilterNode[] = [];
  for (const [name, value] of Object.entries(filter)) {
    if (name.startsWith("$")) {
      children.push(...parseTopLevel(name, value, parsing));
    } else {
      children.push(...parseField(name, value, parsing));
    }
  }
  return children.length === 1 ? (children[0] as FilterNode) : both(children);
}

function both(children: FilterNode[]): FilterNode {
  return { kind: "and", children, matches: (doc) => children.every((child) => child.matches(doc)) };
}

function parseTopLevel(name: string, value: unknown, parsing: Parsing): FilterNode[] {
  const refused = REFUSED[name];
  if (refused !== undefined) {
    throw badValue(refused);
  }
  switch (name) {
    case "$and":
    case "$or":
    case "$nor":
      return [parseLogical(name, value, parsing)];
    case "$expr":
      parsing.hasExpr = true;
      return [parseExpr(value, parsing)];
    case "$jsonSchema":
      return [opaque(compileJsonSchema(value))];
    case "$text":
      if (parsing.text) {
        throw badValue("Too many text expressions");
      }
      parsing.text = parseTextQuery(value);
      return [];
    case "$comment":
      return [];
    case "$alwaysTrue":
      return [opaque(() => true)];
    case "$alwaysFalse":
      return [opaque(() => false)];
    case "$sampleRate":
      return [sampling(value)];
    default:
      throw badValue(
        `unknown top level operator: ${name}. If you have a field name that starts with a '$' symbol, ` +
          "consider using $getField or $setField.",
      );
  }
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/query/sampleRate/ */
function sampling(value: unknown): FilterNode {
  const rate = toNumber(value) ?? NaN;
  if (!(rate >= 0 && rate <= 1)) {
    throw badValue("numeric argument to $sampleRate must be in [0, 1]");
  }
  return opaque(() => Math.random() < rate);
}

/** A condition that no index can help with. */
export function opaque(matches: DocPredicate): FilterNode {
  return { kind: "opaque", matches };
}

function parseLogical(name: "$and" | "$or" | "$nor", value: unknown, parsing: Parsing): FilterNode {
  if (!Array.isArray(value)) {
    throw badValue(`${name} must be an array`);
  }
  if (value.length === 0) {
    throw badValue("$and/$or/$nor must be a nonempty array");
  }
  const parse = () =>
    value.map((entry) => {
      if (!isDocument(entry)) {
        throw badValue("$and/$or/$nor entries need to be full objects");
      }
      return parseDocument(entry, parsing);
    });
  const alone = name === "$and" || (name === "$or" && value.length === 1);
  const children = alone ? parse() : within(name, parsing, parse);
  switch (name) {
    case "$and":
      return both(children);
    case "$or":
      return {
        kind: "or",
        children,
        matches: (doc) => children.some((child) => child.matches(doc)),
      };
    case "$nor":
      return {
        kind: "nor",
        children,
        matches: (doc) => !children.some((child) => child.matches(doc)),
      };
  }
}

/** `$near` and `$text` choose and order whole documents, so they cannot be one condition of others. */
function within<T>(operator: string, parsing: Parsing, parse: () => T): T {
  const { text, near } = parsing;
  const parsed = parse();
  if (parsing.near !== near) {
    throw badValue("geo $near must be top-level expr");
  }
  if (parsing.text !== text) {
    throw operator === "$or"
      ? new MongoError(
          291,
          "error processing query: planner returned error :: caused by :: Failed to produce a solution for TEXT under OR - " +
            "other non-TEXT clauses under OR have to be indexed as well.",
        )
      : badValue(`text expression not allowed in ${operator.slice(1)}`);
  }
  return parsed;
}

function parseExpr(expression: unknown, parsing: Parsing): FilterNode {
  const options = { collation: parsing.collation, variables: parsing.variables };
  return opaque((doc) => isTruthy(evaluateExpression(doc, expression, options)));
}

/** `{ field: value }`, or `{ field: { $operator: operand, ... } }`. */
function parseField(path: string, value: unknown, parsing: Parsing): FilterNode[] {
  if (isOperatorDocument(value)) {
    return Object.keys(value).flatMap((operator) => parseOperator(path, operator, value, parsing));
  }
  const operator = isRegex(value) ? "$regex" : "$eq";
  return [compare(path, operator, value, {}, parsing)];
}

/** A document is a set of operators when its first field says so; mixing is an error. */
export function isOperatorDocument(value: unknown): value is Doc {
  if (!isDocument(value)) {
    return false;
  }
  const [first] = Object.keys(value);
  return first !== undefined && first.startsWith("$") && !["$ref", "$id", "$db"].includes(first);
}

export function isRegex(value: unknown): boolean {
  return (
    value instanceof RegExp || (value as { _bsontype?: string } | null)?._bsontype === "BSONRegExp"
  );
}

function parseOperator(path: string, operator: string, all: Doc, parsing: Parsing): FilterNode[] {
  const operand = all[operator];
  switch (operator) {
    case "$options":
      if (!("$regex" in all)) {
        throw badValue("$options needs a $regex");
      }
      return [];
    case "$maxDistance":
    case "$minDistance":
    case "$comment":
      return [];
    case "$not":
      return [negate(parseNot(path, operand, parsing))];
    case "$ne":
      if (isRegex(operand)) {
        throw badValue("Can't have regex as arg to $ne.");
      }
      return [negate(compare(path, "$eq", operand, all, parsing))];
    case "$nin":
      return [negate(compare(path, "$in", operand, all, parsing))];
    case "$exists":
      return [parseExists(path, operand, parsing)];
    case "$elemMatch":
      return [within(operator, parsing, () => parseElemMatch(path, operand, parsing))];
    case "$all":
      return [parseAll(path, operand, parsing)];
    case "$near":
    case "$nearSphere":
    case "$geoNear":
      if (parsing.near) {
        throw badValue("Too many geoNear expressions");
      }
      parsing.near = parseNear(path, operator, all);
      return [compare(path, "$exists", true, {}, parsing)];
    default:
      return [compare(path, operator, operand, all, parsing)];
  }
}

function compare(
  path: string,
  operator: string,
  operand: unknown,
  siblings: Doc,
  parsing: Parsing,
): FilterNode {
  const matches = compileOperator(path, operator, operand, siblings, parsing.collation?.order);
  return { kind: "compare", path, operator, operand, matches };
}

function negate(node: FilterNode): FilterNode {
  return { kind: "nor", children: [node], matches: (doc) => !node.matches(doc) };
}

/** A path is missing when nothing is found along it: of an array of documents, in none of them. */
function parseExists(path: string, operand: unknown, parsing: Parsing): FilterNode {
  const exists = compare(path, "$exists", operand, {}, parsing);
  return isTruthy(operand) ? exists : { ...exists, matches: (doc) => !exists.matches(doc) };
}

function parseNot(path: string, operand: unknown, parsing: Parsing): FilterNode {
  if (isRegex(operand)) {
    return compare(path, "$regex", operand, {}, parsing);
  }
  if (!isDocument(operand)) {
    throw badValue("$not needs a regex or a document");
  }
  const operators = Object.keys(operand);
  if (operators.length === 0) {
    throw badValue("$not cannot be empty");
  }
  if (!isOperatorDocument(operand)) {
    throw badValue(`unknown operator: ${operators[0]}`);
  }
  return both(within("$not", parsing, () => parseField(path, operand, parsing)));
}

function parseElemMatch(path: string, operand: unknown, parsing: Parsing): FilterNode {
  if (!isDocument(operand)) {
    throw badValue("$elemMatch needs an Object");
  }
  const { inner, matches } = elementFilter(path, operand, parsing);
  return { kind: "element", path, inner, matches };
}

const LOGICAL = new Set(["$and", "$or", "$nor", "$expr", "$where"]);

/** True for a filter that begins with `$and` or the like, and so is about a whole document. */
export function isLogical(filter: Doc): boolean {
  const [first] = Object.keys(filter);
  return first !== undefined && LOGICAL.has(first);
}

/** `$elemMatch` holds operators for the element itself, or a filter for its fields. */
function elementFilter(
  path: string,
  operand: Doc,
  parsing: Parsing,
): { inner: FilterNode; matches: DocPredicate } {
  if (isOperatorDocument(operand) && !isLogical(operand)) {
    const inner = both(parseField("element", operand, parsing));
    const opens = "$elemMatch" in operand || "$size" in operand;
    const wrapped = (element: unknown) =>
      inner.matches({ element: opens ? element : box(element) });
    return { inner: opaque(inner.matches), matches: compileElementMatch(path, wrapped) };
  }
  const inner = parseDocument(operand, parsing);
  const test = (element: unknown) =>
    (isDocument(element) && inner.matches(element)) ||
    (Array.isArray(element) && inner.matches({ ...element }));
  return { inner, matches: compileElementMatch(path, test) };
}

/** An array inside the array is compared as a whole: it must not be opened once more. */
function box(element: unknown): unknown {
  return Array.isArray(element) ? [element] : element;
}

function parseAll(path: string, operand: unknown, parsing: Parsing): FilterNode {
  if (!Array.isArray(operand)) {
    throw badValue("$all needs an array");
  }
  if (operand.length === 0) {
    return opaque(() => false);
  }
  return both(
    isElementMatch(operand[0])
      ? operand.map((entry) => parseAllElement(path, entry, parsing))
      : operand.map((entry) => parseAllValue(path, entry, parsing)),
  );
}

function isElementMatch(entry: unknown): entry is Doc {
  return isDocument(entry) && Object.keys(entry)[0] === "$elemMatch";
}

/** As the first entry is, all must be. */
function parseAllElement(path: string, entry: unknown, parsing: Parsing): FilterNode {
  if (!isElementMatch(entry)) {
    throw badValue("$all/$elemMatch has to be consistent");
  }
  return parseElemMatch(path, entry["$elemMatch"], parsing);
}

function parseAllValue(path: string, entry: unknown, parsing: Parsing): FilterNode {
  if (isOperatorDocument(entry)) {
    throw badValue("no $ expressions in $all");
  }
  return compare(path, isRegex(entry) ? "$regex" : "$eq", entry, {}, parsing);
}

/** The filter argument of a command: absent means everything. */
export function filterArgument(name: string, value: unknown): Doc {
  if (value === undefined || value === null) {
    return {};
  }
  if (!isDocument(value)) {
    throw new MongoError(
      14,
      `Expected field ${name} to be of type object, but got ${typeName(value)}`,
    );
  }
  return value;
}

/** A count such as skip or limit. */
export function countArgument(name: string, value: unknown): number {
  if (value === undefined || value === null) {
    return 0;
  }
  if (!isNumeric(value)) {
    throw new MongoError(
      14,
      `BSON field '${name}' is the wrong type '${typeName(value)}', expected types '[long, int, decimal, double]'`,
    );
  }
  const count = Number(value);
  if (!Number.isFinite(count)) {
    throw failedToParse(`${name} must be finite`);
  }
  return Math.trunc(count);
}
