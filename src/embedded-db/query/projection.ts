import { MongoError } from "../errors";
import { type Doc, isDocument, isNumeric, toNumber } from "../bson/values";
import type { Collation } from "./collation";
import { compileExpression } from "./expression";
import { parseFilter } from "./filter";
import { fieldPath, isContainer, own } from "./path";
import { type Evaluate, type Scope, scopeFor } from "./scope";

/** What a projection may need besides the document. */
export interface ProjectionContext {
  variables?: Doc | undefined;
  collation?: Collation | undefined;
  /** The place in `path` that the filter matched, for the positional `path.$`. */
  positionOf?: (doc: Doc, path: string) => number | undefined;
}

/** Makes the projected copy of a document. */
export type Projection = (doc: Doc, variables?: Doc) => Doc;

type Leaf =
  | { kind: "include" }
  | { kind: "exclude" }
  | { kind: "compute"; evaluate: Evaluate }
  | { kind: "slice"; skip: number; limit: number | undefined }
  | { kind: "element"; test: (element: unknown) => boolean }
  | { kind: "position" };

interface Tree {
  fields: Map<string, Tree>;
  leaf?: Leaf;
}

interface Parsed {
  tree: Tree;
  mode: "include" | "exclude" | undefined;
  id: boolean | undefined;
  context: ProjectionContext;
  find: boolean;
}

/**
 * Compiles a projection of find (`find: true`, with `$slice`, `$elemMatch` and `path.$`) or of
 * `$project`. Undefined when it keeps everything.
 * @see https://www.mongodb.com/docs/manual/reference/command/find/#projections
 */
export function compileProjection(
  spec: Doc,
  context: ProjectionContext = {},
  find = true,
): Projection | undefined {
  const names = Object.keys(spec);
  if (names.length === 0) {
    return undefined;
  }
  const parsed: Parsed = { tree: newTree(), mode: undefined, id: undefined, context, find };
  names.forEach((path) => parseEntry(path, spec[path], parsed));
  const mode = parsed.mode ?? modeWithoutFlags(parsed);
  applyId(parsed, mode);
  return (doc, variables) => {
    const scope = scopeFor(doc, {
      collation: context.collation,
      variables: { ...context.variables, ...variables },
    });
    return projectDocument(doc, parsed.tree, mode, scope, context, doc, "");
  };
}

function newTree(): Tree {
  return { fields: new Map() };
}

/**
 * `{ _id: 1 }` alone includes; `$slice` and, in a find, `$meta` alone keep all other fields;
 * `$elemMatch` alone does not, whatever is said of `_id`.
 */
function modeWithoutFlags(parsed: Parsed): "include" | "exclude" {
  const kinds = new Set([...leaves(parsed.tree)].map(({ kind }) => kind));
  const includes = kinds.has("slice")
    ? parsed.id
    : kinds.has("element") || (kinds.has("compute") && !parsed.find) || parsed.id;
  return includes ? "include" : "exclude";
}

function* leaves(tree: Tree): Iterable<Leaf> {
  if (tree.leaf) {
    yield tree.leaf;
  }
  for (const child of tree.fields.values()) {
    yield* leaves(child);
  }
}

function applyId(parsed: Parsed, mode: "include" | "exclude"): void {
  const keep = parsed.id ?? true;
  if (parsed.tree.fields.has("_id")) {
    return;
  }
  if (mode === "include" && keep) {
    parsed.tree.fields = new Map([
      ["_id", { ...newTree(), leaf: { kind: "include" } }],
      ...parsed.tree.fields,
    ]);
  }
  if (mode === "exclude" && !keep) {
    parsed.tree.fields.set("_id", { ...newTree(), leaf: { kind: "exclude" } });
  }
}

function parseEntry(path: string, value: unknown, parsed: Parsed): void {
  if (path === "_id" && isFlag(value)) {
    parsed.id = isSet(value);
    return;
  }
  if (isFlag(value)) {
    return parseFlag(path, isSet(value), parsed);
  }
  if (isDocument(value) && !Object.keys(value).some((name) => name.startsWith("$"))) {
    return parseNested(path, value, parsed);
  }
  if (parsed.find && path.includes(".") && isDocument(value) && "$elemMatch" in value) {
    throw new MongoError(31275, "Cannot use $elemMatch projection on a nested field.");
  }
  addLeaf(path, parseSpecial(value, parsed), parsed);
}

function isFlag(value: unknown): boolean {
  return typeof value === "boolean" || isNumeric(value);
}

function isSet(value: unknown): boolean {
  return typeof value === "boolean" ? value : toNumber(value) !== 0;
}

function parseFlag(path: string, include: boolean, parsed: Parsed): void {
  if (parsed.find && path.includes(".$.")) {
    throw new MongoError(
      31394,
      "As of 4.4, positional projection '.$' may only be at the end, for example: a.b.$.",
    );
  }
  if (path.endsWith(".$") && include && parsed.find) {
    parsed.mode ??= "include";
    addLeaf(path.slice(0, -2), { kind: "position" }, parsed);
    return;
  }
  const mode = include ? "include" : "exclude";
  if (parsed.mode !== undefined && parsed.mode !== mode) {
    throw new MongoError(
      include ? 31253 : 31254,
      include
        ? `Cannot do inclusion on field ${path} in exclusion projection`
        : `Cannot do exclusion on field ${path} in inclusion projection`,
    );
  }
  parsed.mode = mode;
  addLeaf(path, { kind: mode }, parsed);
}

function parseNested(path: string, value: Doc, parsed: Parsed): void {
  const entries = Object.entries(value);
  if (entries.length === 0) {
    throw new MongoError(
      51270,
      "An empty sub-projection is not a valid value. Found empty object at path",
    );
  }
  entries.forEach(([name, inner]) => parseEntry(`${path}.${name}`, inner, parsed));
}

function parseSpecial(value: unknown, parsed: Parsed): Leaf {
  const spec = isDocument(value) ? value : {};
  if (parsed.find && "$slice" in spec && isFindSlice(spec["$slice"])) {
    return parseSlice(spec["$slice"]);
  }
  if (parsed.find && "$elemMatch" in spec) {
    return parseElement(spec["$elemMatch"], parsed.context);
  }
  if ("$meta" in spec) {
    return { kind: "compute", evaluate: compileExpression(value) };
  }
  if (parsed.mode === "exclude") {
    throw new MongoError(31252, "Cannot use expression other than $meta in exclusion projection");
  }
  parsed.mode = "include";
  return { kind: "compute", evaluate: compileExpression(value) };
}

/** The find form takes numbers, the expression form an array expression first. */
function isFindSlice(argument: unknown): boolean {
  return (
    isNumeric(argument) ||
    (Array.isArray(argument) && argument.length === 2 && argument.every(isNumeric))
  );
}

function parseSlice(argument: unknown): Leaf {
  if (Array.isArray(argument)) {
    const [skip, limit] = argument.map((value) => toNumber(value) ?? 0);
    if ((limit ?? 0) <= 0) {
      throw new MongoError(28724, "Second argument to $slice must be positive");
    }
    return { kind: "slice", skip: skip ?? 0, limit };
  }
  const count = toNumber(argument) ?? 0;
  return count < 0
    ? { kind: "slice", skip: count, limit: undefined }
    : { kind: "slice", skip: 0, limit: count };
}

function parseElement(operand: unknown, context: ProjectionContext): Leaf {
  const filter = parseFilter(
    { element: { $elemMatch: operand } },
    { collation: context.collation },
  );
  return { kind: "element", test: (element) => filter.matches({ element: [element] }) };
}

function addLeaf(path: string, leaf: Leaf, parsed: Parsed): void {
  const parts = fieldPath(path, parsed.find);
  let tree = parsed.tree;
  parts.forEach((part, at) => {
    const next = tree.fields.get(part) ?? newTree();
    if (next.leaf || (at === parts.length - 1 && next.fields.size > 0)) {
      throw new MongoError(31250, `Path collision at ${path}`);
    }
    tree.fields.set(part, next);
    tree = next;
  });
  tree.leaf = leaf;
}

function projectDocument(
  value: Doc,
  tree: Tree,
  mode: "include" | "exclude",
  scope: Scope,
  context: ProjectionContext,
  root: Doc,
  prefix: string,
): Doc {
  const out: Doc = {};
  for (const name of Object.keys(value)) {
    const branch = tree.fields.get(name);
    if (branch?.leaf?.kind === "compute") {
      continue;
    }
    const path = prefix === "" ? name : `${prefix}.${name}`;
    const projected = branch
      ? projectField(value[name], branch, mode, scope, context, root, path)
      : mode === "exclude"
        ? value[name]
        : undefined;
    if (projected !== undefined) {
      out[name] = projected;
    }
  }
  addComputed(out, tree, value, mode, scope, context, root, prefix);
  return out;
}

/** Computed fields come last, in the order of the projection. */
function addComputed(
  out: Doc,
  tree: Tree,
  value: Doc,
  mode: "include" | "exclude",
  scope: Scope,
  context: ProjectionContext,
  root: Doc,
  prefix: string,
): void {
  for (const [name, branch] of tree.fields) {
    if (branch.leaf?.kind === "compute") {
      const computed = branch.leaf.evaluate(scope);
      if (computed !== undefined) {
        out[name] = computed;
      }
    } else if (hasComputed(branch) && !isContainer(own(value, name))) {
      out[name] = projectDocument({}, branch, mode, scope, context, root, `${prefix}.${name}`);
    }
  }
}

/** What is neither a document nor an array gives way to a document of what is computed in it. */
function hasComputed(tree: Tree): boolean {
  return tree.fields.size > 0 && [...leaves(tree)].some(({ kind }) => kind === "compute");
}

function projectField(
  value: unknown,
  branch: Tree,
  mode: "include" | "exclude",
  scope: Scope,
  context: ProjectionContext,
  root: Doc,
  path: string,
): unknown {
  if (branch.leaf) {
    return projectLeaf(value, branch.leaf, context, root, path);
  }
  if (Array.isArray(value)) {
    const computes = hasComputed(branch);
    return value
      .map((element) =>
        projectField(
          computes && !isContainer(element) ? {} : element,
          branch,
          mode,
          scope,
          context,
          root,
          path,
        ),
      )
      .filter((element) => element !== undefined);
  }
  if (isDocument(value)) {
    return projectDocument(value, branch, mode, scope, context, root, path);
  }
  return mode === "exclude" ? value : undefined;
}

function projectLeaf(
  value: unknown,
  leaf: Leaf,
  context: ProjectionContext,
  root: Doc,
  path: string,
): unknown {
  switch (leaf.kind) {
    case "include":
      return value;
    case "slice":
      return Array.isArray(value) ? slice(value, leaf.skip, leaf.limit) : value;
    case "element": {
      const found = Array.isArray(value) ? value.filter(leaf.test).slice(0, 1) : [];
      return found.length > 0 ? found : undefined;
    }
    case "position":
      return Array.isArray(value) ? positional(value, context, root, path) : value;
    case "exclude":
    case "compute":
      return undefined;
  }
}

function slice(array: readonly unknown[], skip: number, limit: number | undefined): unknown[] {
  const start = skip < 0 ? Math.max(array.length + skip, 0) : skip;
  return array.slice(start, limit === undefined ? undefined : start + limit);
}

function positional(
  array: unknown[],
  context: ProjectionContext,
  root: Doc,
  path: string,
): unknown[] {
  const place = context.positionOf?.(root, path);
  if (place === undefined || place >= array.length) {
    throw new MongoError(
      51246,
      "positional operator '.$' couldn't find a matching element in the array",
    );
  }
  return array.slice(place, place + 1);
}
