import { type Doc, isDocument } from "../bson/values";
import { own } from "../query/path";
import type { UpdateDescription } from "./difference";

/**
 * The parts of those changed paths in which a number is the name of a field; elsewhere it is a
 * place in an array.
 * @see https://www.mongodb.com/docs/manual/reference/change-events/update/
 */
export function disambiguatedPaths(
  { updatedFields, removedFields, truncatedArrays }: UpdateDescription,
  after: Doc,
): Doc {
  const paths = [
    ...Object.keys(updatedFields),
    ...removedFields,
    ...truncatedArrays.map(({ field }) => field),
  ];
  return Object.fromEntries(
    paths
      .filter((path) => NUMBER_INSIDE.test(path))
      .map((path): [string, (string | number)[]] => [path, partsOf(path, after)])
      .filter(([, parts]) => parts.some((part) => typeof part === "string" && NUMBER.test(part))),
  );
}

const NUMBER = /^\d+$/;
const NUMBER_INSIDE = /(?:^|\.)\d+(?:\.|$)/;

function partsOf(path: string, after: Doc): (string | number)[] {
  let value: unknown = after;
  return path.split(".").map((name) => {
    const isPlace = Array.isArray(value);
    value = isPlace
      ? (value as unknown[])[Number(name)]
      : isDocument(value)
        ? own(value, name)
        : value;
    return isPlace ? Number(name) : name;
  });
}
