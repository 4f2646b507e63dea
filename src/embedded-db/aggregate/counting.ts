import { type Doc, isDocument } from "../bson/values";
import { isCountName } from "./stages";

/** A pipeline that wants to know of documents only how many there are. */
export interface Counting {
  /** How many stages in front choose the documents. */
  matches: number;
  skip: number;
  /** 0: all. */
  limit: number;
  /** What the counting stage gives for so many documents. */
  document: (total: number) => Doc;
  /** The stages behind it. */
  rest: readonly unknown[];
}

/**
 * Recognises `[$match…, $skip?, $limit?, $count | $group]`, which countDocuments() of the drivers
 * sends, too.
 */
export function parseCounting(pipeline: readonly unknown[], matches: number): Counting | undefined {
  const stages = pipeline as Doc[];
  let at = matches;
  const skip = wholeNumber(stages[at]?.["$skip"], 0);
  at += skip === undefined ? 0 : 1;
  const limit = wholeNumber(stages[at]?.["$limit"], 1);
  at += limit === undefined ? 0 : 1;
  const document = countingStage(stages[at]);
  return (
    document && {
      matches,
      skip: skip ?? 0,
      limit: limit ?? 0,
      document,
      rest: stages.slice(at + 1),
    }
  );
}

function wholeNumber(value: unknown, least: number): number | undefined {
  return Number.isInteger(value) && (value as number) >= least ? (value as number) : undefined;
}

function countingStage(stage: Doc | undefined): Counting["document"] | undefined {
  const [entry, ...others] = Object.entries(stage ?? {});
  if (!entry || others.length > 0) {
    return undefined;
  }
  const [name, argument] = entry;
  if (name === "$count" && isCountName(argument)) {
    return (total) => ({ [argument]: total });
  }
  return name === "$group" && isDocument(argument) ? countingGroup(argument) : undefined;
}

/** `{ _id: null, n: { $sum: 1 } }` */
function countingGroup(argument: Doc): Counting["document"] | undefined {
  const [[first, id] = [], [field, sum] = [], ...others] = Object.entries(argument);
  const counts =
    first === "_id" &&
    (id === null || typeof id === "number") &&
    field !== undefined &&
    !field.includes(".") &&
    others.length === 0 &&
    isDocument(sum) &&
    Object.keys(sum).length === 1 &&
    sum["$sum"] === 1;
  return counts ? (total) => ({ _id: id, [field]: total }) : undefined;
}
