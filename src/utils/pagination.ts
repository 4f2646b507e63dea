import { createHash } from "node:crypto";
import type { Aggregate, AggregatePaginateModel, PipelineStage, Types } from "mongoose";
import type {} from "mongoose-aggregate-paginate-v2";
import { decodeCursor, encodeCursor } from "./cursor";

/** The facts of one page; the fields of mongoose-aggregate-paginate-v2 and `nextCursor`. Page numbers are null when the list is walked by cursor. */
export interface Pagination {
  totalDocs: number;
  limit: number;
  page: number | null;
  totalPages: number;
  pagingCounter: number | null;
  hasPrevPage: boolean;
  hasNextPage: boolean;
  prevPage: number | null;
  nextPage: number | null;
  nextCursor: string | null;
}

export interface Page<T> extends Pagination {
  docs: T[];
}

/** What a client asks of a list. */
export interface PageRequest {
  page: number;
  limit: number;
  cursor?: string | undefined;
}

type PagedModel = Pick<
  AggregatePaginateModel<unknown>,
  "aggregate" | "aggregatePaginate" | "modelName"
>;

interface ListQuery {
  match: PipelineStage.Match["$match"];
  /** Whose list it is, where the match itself changes from one page to the next. */
  scope?: Record<string, unknown>;
  /** A stored field that an index orders together with `_id`, or `relevance` for a `$text` match. */
  sortBy: string;
  direction: 1 | -1;
  /** Stages before the cut that leave rows out which no filter on the row itself can name. */
  narrow?: PipelineStage[];
  /** How many rows match, where that is known without counting them. */
  total?: Promise<number>;
  /** Stages that run on the cut page only: joins cost the same however long the list is. */
  join: PipelineStage[];
}

interface Sorted {
  _id: Types.ObjectId;
}

/**
 * Reads one page of a list, by page number or, when the request has a cursor, by keyset: the page
 * then starts behind the cursor's document, so nothing is skipped or repeated while the list changes.
 */
export async function paginate<T extends Sorted>(
  model: PagedModel,
  list: ListQuery,
  request: PageRequest,
): Promise<Page<T>> {
  return request.cursor === undefined
    ? pageByNumber<T>(model, list, request)
    : pageByCursor<T>(model, list, request, request.cursor);
}

/** Splits a page for the endpoints whose `data` is a bare array. */
export function splitPage<T>(page: Page<T>): { docs: T[]; pagination: Pagination } {
  const { docs, ...pagination } = page;
  return { docs, pagination };
}

/** The facts of a list that has one page only. */
export function onlyPage(totalDocs: number, limit: number): Pagination {
  return {
    totalDocs,
    limit,
    page: 1,
    totalPages: 1,
    pagingCounter: 1,
    hasPrevPage: false,
    hasNextPage: false,
    prevPage: null,
    nextPage: null,
    nextCursor: null,
  };
}

async function pageByNumber<T extends Sorted>(
  model: PagedModel,
  list: ListQuery,
  request: PageRequest,
): Promise<Page<T>> {
  const result = await model.aggregatePaginate<T>(
    [
      { $match: list.match },
      { $sort: sortStage(list) },
      ...(list.narrow ?? []),
      "__PREPAGINATE__",
      ...list.join,
    ],
    {
      page: request.page,
      limit: request.limit,
      useFacet: false,
      countQuery: countQuery(model, list),
    },
  );
  return {
    docs: result.docs,
    totalDocs: result.totalDocs,
    limit: result.limit,
    page: request.page,
    totalPages: result.totalPages,
    pagingCounter: result.pagingCounter,
    hasPrevPage: result.hasPrevPage,
    hasNextPage: result.hasNextPage,
    prevPage: result.prevPage ?? null,
    nextPage: result.nextPage ?? null,
    nextCursor: result.hasNextPage ? cursorAfter(model, list, result.docs) : null,
  };
}

async function pageByCursor<T extends Sorted>(
  model: PagedModel,
  list: ListQuery,
  { limit }: PageRequest,
  cursor: string,
): Promise<Page<T>> {
  const [rows, [counted]] = await Promise.all([
    model.aggregate<T>([
      { $match: { $and: [list.match, behind(model, list, cursor)] } },
      { $sort: sortStage(list) },
      ...(list.narrow ?? []),
      // One more than asked for tells whether anything follows.
      { $limit: limit + 1 },
      ...list.join,
    ]),
    countQuery(model, list).group(COUNT).exec() as Promise<{ count: number }[]>,
  ]);
  const totalDocs = counted?.count ?? 0;
  const docs = rows.slice(0, limit);
  const hasNextPage = rows.length > limit;
  return {
    docs,
    totalDocs,
    limit,
    page: null,
    totalPages: Math.max(1, Math.ceil(totalDocs / limit)),
    pagingCounter: null,
    hasPrevPage: true,
    hasNextPage,
    prevPage: null,
    nextPage: null,
    nextCursor: hasNextPage ? cursorAfter(model, list, docs) : null,
  };
}

/** The one group that mongoose-aggregate-paginate-v2 adds to a count query. */
const COUNT: PipelineStage.Group["$group"] = { _id: null, count: { $sum: 1 } };

/** The part of an aggregate that a count is asked through: a known total answers without a query. */
interface CountQuery {
  group(stage: PipelineStage.Group["$group"]): { exec(): Promise<unknown[]> };
}

function countQuery(
  model: PagedModel,
  { match, narrow = [], total }: ListQuery,
): Aggregate<unknown[]> {
  const known: CountQuery = {
    group: () => ({ exec: async () => [{ count: await total }] }),
  };
  return total === undefined
    ? model.aggregate([{ $match: match }, ...narrow])
    : (known as Aggregate<unknown[]>);
}

function sortStage({ sortBy, direction }: ListQuery): PipelineStage.Sort["$sort"] {
  return sortBy === "relevance"
    ? { score: { $meta: "textScore" }, _id: direction }
    : { [sortBy]: direction, _id: direction };
}

/** The filter for everything behind a cursor; the first bound lets the index start at the right place. */
function behind(model: PagedModel, list: ListQuery, text: string): PipelineStage.Match["$match"] {
  const { sortBy, direction } = list;
  const { value, id } = decodeCursor(nameOf(model, list), text);
  const [past, pastOrAt] = direction === 1 ? ["$gt", "$gte"] : ["$lt", "$lte"];
  return {
    [sortBy]: { [pastOrAt]: value },
    $or: [{ [sortBy]: { [past]: value } }, { _id: { [past]: id } }],
  };
}

function cursorAfter<T extends Sorted>(
  model: PagedModel,
  list: ListQuery,
  docs: T[],
): string | null {
  const { sortBy } = list;
  const last = docs.at(-1);
  // A relevance score belongs to one search, not to a stored field, so it cannot be walked by keyset.
  return last === undefined || sortBy === "relevance"
    ? null
    : encodeCursor(nameOf(model, list), {
        value: (last as Record<string, unknown>)[sortBy],
        id: last._id,
      });
}

/** Tells a list and its order from all others: in another one a cursor would skip and repeat. */
function nameOf(
  { modelName }: PagedModel,
  { match, scope = match, sortBy, direction }: ListQuery,
): string {
  return createHash("sha256")
    .update(JSON.stringify([modelName, scope, sortBy, direction]))
    .digest("base64url")
    .slice(0, 16);
}
