import { type Doc, isDocument } from "../bson/values";
import type { FilterNode } from "./filter";
import { readPath } from "./path";

/**
 * The place in the array at `path` of the element that made the filter match: what `$` stands for
 * in updates and projections.
 * @see https://www.mongodb.com/docs/manual/reference/operator/update/positional/
 */
export function matchedPosition(node: FilterNode, doc: Doc, path: string): number | undefined {
  switch (node.kind) {
    case "and":
      return lastDefined(node.children.map((child) => matchedPosition(child, doc, path)));
    case "or": {
      const child = node.children.find((candidate) => candidate.matches(doc));
      return child && matchedPosition(child, doc, path);
    }
    case "compare":
    case "element":
      return touches(node.path, path) ? firstMatching(node, doc, path) : undefined;
    case "nor":
    case "opaque":
      return undefined;
  }
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
