import { type Doc, isDocument } from "../bson/values";
import type { FilterNode } from "./filter";
import { readPath } from "./path";

/**
 * The place in the array at `path` of the element that made the filter match: what `$` stands for
 * in updates and projections. Without a condition on that array it is the place in another one.
 * @see https://www.mongodb.com/docs/manual/reference/operator/update/positional/
 */
export function matchedPosition(node: FilterNode, doc: Doc, path: string): number | undefined {
  return (
    positionIn(node, doc, (condition) => (touches(condition, path) ? path : undefined)) ??
    positionIn(node, doc, (condition) => arrayAlong(doc, condition))
  );
}

/** `arrayOf` names the array a condition on a path tells a place in, if it does. */
function positionIn(
  node: FilterNode,
  doc: Doc,
  arrayOf: (condition: string) => string | undefined,
): number | undefined {
  switch (node.kind) {
    case "and":
      return lastDefined(node.children.map((child) => positionIn(child, doc, arrayOf)));
    case "or": {
      const child = node.children.find((candidate) => candidate.matches(doc));
      return child && positionIn(child, doc, arrayOf);
    }
    case "compare":
    case "element": {
      const array = arrayOf(node.path);
      return array === undefined ? undefined : firstMatching(node, doc, array);
    }
    case "nor":
    case "opaque":
      return undefined;
  }
}

/** The path of the first array on the way of a condition. */
function arrayAlong(doc: Doc, condition: string): string | undefined {
  const parts = condition.split(".");
  return parts
    .map((_, at) => parts.slice(0, at + 1))
    .find((prefix) => Array.isArray(readPath(doc, prefix)))
    ?.join(".");
}

function lastDefined(values: (number | undefined)[]): number | undefined {
  return values.filter((value) => value !== undefined).at(-1);
}

/** Only conditions on the array, or on fields of its elements, tell a place. */
function touches(condition: string, array: string): boolean {
  return (
    condition === array || condition.startsWith(`${array}.`) || array.startsWith(`${condition}.`)
  );
}

function firstMatching(node: FilterNode, doc: Doc, path: string): number | undefined {
  const parts = path.split(".");
  const array = readPath(doc, parts);
  if (!Array.isArray(array)) {
    return undefined;
  }
  const place = array.findIndex((element) => node.matches(withElement(doc, parts, element)));
  return place < 0 ? undefined : place;
}

/** A copy of the document in which the array holds one element only. */
function withElement(doc: Doc, parts: readonly string[], element: unknown): Doc {
  const [first = "", ...rest] = parts;
  const inner = doc[first];
  const value =
    rest.length === 0 || !isDocument(inner) ? [element] : withElement(inner, rest, element);
  return { ...doc, [first]: value };
}
