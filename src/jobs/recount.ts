import type { ClientSession, Types, mongo } from "mongoose";
import { Comment } from "../models/comment.model";
import { Counter, type CounterName } from "../models/counter.model";
import { Like } from "../models/like.model";
import { Subscription } from "../models/subscription.model";
import { inTransaction } from "../models/transaction";
import { Tweet } from "../models/tweet.model";
import { User } from "../models/user.model";
import { Video } from "../models/video.model";

/** Documents whose rows are counted by one query: few, because a channel may have thousands. */
const BATCH = 100;

/** A counter that is not what its rows say. */
export interface Difference {
  /** Such as `videos.likesCount`. */
  counter: string;
  /** Of the document that carries it. */
  id: string;
  /** Undefined when the document has no such field. */
  stored: number | undefined;
  counted: number;
}

/** Collections as they are stored, without defaults that would hide a missing counter. */
type Collection = Pick<
  mongo.Collection,
  "collectionName" | "find" | "findOne" | "aggregate" | "updateOne" | "countDocuments"
>;

/** A counter of a collection's documents, and the rows it counts or whose field it sums up. */
interface Kind {
  documents: Collection;
  field: string;
  rows: Collection;
  sum?: string;
  /** The rows' field that names the document; an index begins with it. */
  key: string;
  where?: Record<string, unknown>;
  /** Leaves out rows that no filter on the row itself can name. */
  narrow?: mongo.Document[];
}

/** The replies of a thread that was removed are counted off with it; they may go a moment later. */
const REPLIES_OF_THREADS: mongo.Document[] = [
  {
    $lookup: {
      from: Comment.collection.collectionName,
      localField: "parent",
      foreignField: "_id",
      pipeline: [{ $project: { _id: 1 } }],
      as: "thread",
    },
  },
  { $match: { $or: [{ parent: null }, { thread: { $ne: [] } }] } },
];

/** Every counter that a document carries. */
function kinds(): Kind[] {
  const [videos, comments, tweets, users, likes, subscriptions] = [
    ...[Video.collection, Comment.collection, Tweet.collection],
    ...[User.collection, Like.collection, Subscription.collection],
  ] as unknown as [Collection, Collection, Collection, Collection, Collection, Collection];
  const liked = { rows: likes, field: "likesCount", key: "target" };
  return [
    { documents: videos, ...liked, where: { kind: "video" } },
    { documents: comments, ...liked, where: { kind: "comment" } },
    { documents: tweets, ...liked, where: { kind: "tweet" } },
    {
      documents: videos,
      field: "commentsCount",
      rows: comments,
      key: "video",
      narrow: REPLIES_OF_THREADS,
    },
    { documents: comments, field: "repliesCount", rows: comments, key: "parent" },
    { documents: users, field: "subscribersCount", rows: subscriptions, key: "channel" },
    { documents: users, field: "subscriptionsCount", rows: subscriptions, key: "subscriber" },
    { documents: users, field: "tweetsCount", rows: tweets, key: "owner" },
    { documents: users, field: "uploadsCount", rows: videos, key: "owner" },
    { documents: users, field: "storedBytes", rows: videos, key: "owner", sum: "size" },
    {
      documents: users,
      field: "videosCount",
      rows: videos,
      key: "owner",
      where: { isPublished: true },
    },
  ];
}

/**
 * Compares every counter with its rows and yields those that differ; with `fix` each is mended
 * before it is yielded. Memory stays small however many rows there are, and the server may run
 * meanwhile: what differs is counted again inside one transaction before it is believed.
 */
export async function* recount(options: { fix: boolean }): AsyncGenerator<Difference> {
  for (const kind of kinds()) {
    for await (const id of suspects(kind)) {
      const difference = await settle(kind, id, options.fix);
      if (difference) {
        yield difference;
      }
    }
  }
  for (const total of TOTALS) {
    const difference = await settleTotal(total, options.fix);
    if (difference) {
      yield difference;
    }
  }
}

interface Total {
  /** Also the turn that its writers take (inTransaction). */
  name: CounterName;
  count: (session: ClientSession) => Promise<number>;
}

const TOTALS: Total[] = [
  {
    name: "publishedVideos",
    count: (session) => Video.countDocuments({ isPublished: true }).session(session).exec(),
  },
  {
    name: "tweets",
    count: (session) => Tweet.countDocuments().session(session).exec(),
  },
];

interface Stored {
  _id: Types.ObjectId;
  [field: string]: unknown;
}

/** The documents whose counter differed when it was looked at, in the order of their ids. */
async function* suspects(kind: Kind): AsyncGenerator<Types.ObjectId> {
  const { documents, field } = kind;
  let last: Types.ObjectId | undefined;
  for (;;) {
    // By keyset: no cursor stays open, however long the work on one batch takes.
    const batch = await documents
      .find(last ? { _id: { $gt: last } } : {}, { projection: { [field]: 1 } })
      .sort({ _id: 1 })
      .limit(BATCH)
      .toArray();
    if (batch.length === 0) {
      return;
    }
    const rows = await countRows(
      kind,
      batch.map(({ _id }) => _id),
    );
    yield* (batch as Stored[])
      .filter((document) => document[field] !== (rows.get(document._id.toHexString()) ?? 0))
      .map(({ _id }) => _id);
    last = batch.at(-1)!._id;
  }
}

/** How many rows each of the documents has, or their sum, by id; those without any are left out. */
async function countRows(
  { rows, key, sum, where = {}, narrow = [] }: Kind,
  ids: Types.ObjectId[],
  session?: ClientSession,
): Promise<Map<string, number>> {
  const counts = await rows
    .aggregate<{ _id: Types.ObjectId; count: number }>(
      [
        { $match: { [key]: { $in: ids }, ...where } },
        ...narrow,
        { $group: { _id: `$${key}`, count: { $sum: sum === undefined ? 1 : `$${sum}` } } },
      ],
      session && { session },
    )
    .toArray();
  return new Map(counts.map(({ _id, count }) => [_id.toHexString(), count]));
}

/**
 * Counts one document's rows anew. Whoever changes them writes to the document in the same
 * transaction, so either this one sees both or one of the two is repeated.
 */
function settle(kind: Kind, _id: Types.ObjectId, fix: boolean): Promise<Difference | null> {
  const { documents, field } = kind;
  return inTransaction([_id.toHexString()], async (session) => {
    const document = await documents.findOne({ _id }, { projection: { [field]: 1 }, session });
    if (!document) {
      return null;
    }
    const counted = (await countRows(kind, [_id], session)).get(_id.toHexString()) ?? 0;
    const stored = (document as Stored)[field] as number | undefined;
    if (stored === counted) {
      return null;
    }
    if (fix) {
      await documents.updateOne({ _id }, { $set: { [field]: counted } }, { session });
    }
    const counter = `${documents.collectionName}.${field}`;
    return { counter, id: _id.toHexString(), stored, counted };
  });
}

/** The same for the totals that no document carries. */
function settleTotal({ name, count }: Total, fix: boolean): Promise<Difference | null> {
  return inTransaction([name], async (session) => {
    const total = await Counter.findById(name).session(session).lean();
    const counted = await count(session);
    const stored = total?.value;
    // None is written before there is something to count.
    if ((stored ?? 0) === counted) {
      return null;
    }
    if (fix) {
      await Counter.updateOne(
        { _id: name },
        { $set: { value: counted } },
        { upsert: true, session },
      );
    }
    return { counter: `${Counter.collection.collectionName}.value`, id: name, stored, counted };
  });
}
