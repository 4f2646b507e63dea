import { randomBytes } from "node:crypto";
import mongoose, { Types, type PipelineStage } from "mongoose";
import { Comment } from "../../src/models/comment.model";
import { Counter } from "../../src/models/counter.model";
import { Like } from "../../src/models/like.model";
import { Playlist } from "../../src/models/playlist.model";
import { Session } from "../../src/models/session.model";
import { Subscription } from "../../src/models/subscription.model";
import { Tweet } from "../../src/models/tweet.model";
import { User } from "../../src/models/user.model";
import { Video } from "../../src/models/video.model";
import { WatchHistory } from "../../src/models/watch-history.model";
import { operations } from "../../src/validations";
import type { Operation } from "../../src/validations/operation";
import { useApi } from "../support/api";
import {
  combinations,
  pathOf,
  queryNames,
  send,
  sortKeys,
  validCall,
  type Call,
} from "../support/calls";
import { ask } from "../support/keep-alive";
import { newThings, type Things } from "../support/things";

/*
 * Every operation is called in every way that changes its queries, while Mongoose tells what it
 * sends. Each query is then explained: none may read a whole collection, and none that serves a
 * list may sort in memory. Only the embedded database's planner chooses by rules alone, so that a
 * handful of rows tells what a million would do.
 */

useApi();

const describeEmbedded = process.env.TEST_MONGODB_URI === undefined ? describe : describe.skip;

/** One thing that Mongoose sent to a collection. */
interface Sent {
  collection: string;
  method: string;
  args: unknown[];
}

async function recorded(work: () => Promise<unknown>): Promise<Sent[]> {
  const sent: Sent[] = [];
  const before = mongoose.get("debug");
  mongoose.set("debug", (collection: string, method: string, ...args: unknown[]) => {
    sent.push({ collection, method, args });
  });
  try {
    await work();
  } finally {
    mongoose.set("debug", before ?? false);
  }
  return sent;
}

let things: Things;

beforeAll(async () => {
  things = await newThings();
});

/** Brings every list of the owner's to this many rows, and what is counted with it. */
async function grow(count: number): Promise<void> {
  const owner = new Types.ObjectId(things.owner._id);
  const video = new Types.ObjectId(things.video._id);
  const parent = new Types.ObjectId(things.comment);
  const times = Array.from({ length: count }, (_, i) => new Date(Date.now() - i * 1000));
  const fans = await User.insertMany(
    times.map(() => {
      const name = `fan_${randomBytes(6).toString("hex")}`;
      const email = `${name}@example.com`;
      return { username: name, email, fullName: "Fan", avatar: "users/x/y.webp", password: "-" };
    }),
  );
  const facts = { ...{ videoFile: "x", thumbnail: "y", contentType: "video/mp4", duration: 1 } };
  const clip = { ...facts, width: 64, height: 48, title: "A lane", tags: ["lane"] };
  const videos = await Video.insertMany(times.map((createdAt) => ({ ...clip, owner, createdAt })));
  await Video.insertMany(fans.map(({ _id }) => ({ ...clip, owner: _id })));
  const remark = { video, owner, content: "Yes" };
  await Comment.insertMany(times.flatMap(() => [remark, { ...remark, parent }]));
  await Tweet.insertMany(times.map(() => ({ owner, content: "Hm" })));
  const entries = videos.map(({ _id }) => _id);
  await Playlist.insertMany(times.map(() => ({ owner, name: "Lanes", videos: entries })));
  await Playlist.updateOne({ _id: things.playlist }, { $set: { videos: entries } });
  const likes = entries.map((target) => ({ user: owner, kind: "video" as const, target }));
  await Like.insertMany(likes);
  await WatchHistory.insertMany(
    entries.map((entry) => ({ user: owner, video: entry, watchedAt: new Date() })),
  );
  await Subscription.insertMany(
    fans.flatMap(({ _id }) => [
      { subscriber: _id, channel: owner },
      { subscriber: owner, channel: _id },
    ]),
  );
  const expiresAt = new Date(Date.now() + 1e9);
  await Session.insertMany(
    times.map((rotatedAt) => ({ user: owner, tokenHash: "-", rotatedAt, expiresAt })),
  );
  const counts = { subscribersCount: count, subscriptionsCount: count, tweetsCount: count };
  await User.updateOne({ _id: owner }, { $inc: { ...counts, uploadsCount: count } });
  await Counter.updateOne({ _id: "publishedVideos" }, { $inc: { value: 2 * count } });
}

const readings = [...operations].filter(([, { method }]) => method === "get");
const writings = [...operations].filter(([, { method }]) => method !== "get");

/** The ways to ask that lead to queries of their own: all filters, orders, and a second page. */
function queriesOf(operation: Operation): Record<string, string>[] {
  const values: Record<string, (string | undefined)[]> = {
    page: [undefined, "2"],
    limit: ["2"],
    cursor: [undefined],
    sortBy: sortKeys(operation),
    sortType: ["asc", "desc"],
    query: [undefined, "lane"],
    tag: [undefined, "lane"],
    userId: [undefined, things.owner._id, things.stranger._id],
  };
  return combinations(queryNames(operation), (name) => {
    if (!values[name]) {
      throw new Error(`nothing is known about the parameter ${name}`);
    }
    return values[name];
  });
}

/** Reads a page and the one that its cursor leads to. */
async function read(operation: Operation, call: Call, token: string | undefined): Promise<void> {
  const path = pathOf(operation.path, call);
  const { body } = await ask({ method: "get", path, token });
  const cursor = (body.pagination ?? body.data)?.nextCursor as string | undefined;
  if (cursor) {
    const query = { ...call.query, cursor };
    await ask({ method: "get", path: pathOf(operation.path, { ...call, query }), token });
  }
}

type Explained = Record<string, unknown>;

/** How the database would find what was asked for; null for what finds nothing. */
function explain({ collection, method, args }: Sent): Promise<Explained>[] {
  const [first, second, third] = args as [Record<string, unknown>, unknown, unknown];
  switch (method) {
    case "aggregate":
      return explainPipeline(collection, first as unknown as PipelineStage[]);
    case "find":
    case "findOne": {
      const { sort } = (second ?? {}) as { sort?: unknown };
      return [explainFind(collection, first, sort)];
    }
    case "findOneAndUpdate": {
      const { sort } = (third ?? {}) as { sort?: unknown };
      return [explainFind(collection, first, sort)];
    }
    case "countDocuments":
    case "findOneAndDelete":
    case "updateOne":
    case "updateMany":
    case "deleteOne":
    case "deleteMany":
      return [explainFind(collection, first)];
    case "insertOne":
    case "insertMany":
    case "estimatedDocumentCount":
    case "createIndex":
    case "listIndexes":
    case "indexInformation":
      return [];
    default:
      throw new Error(`it is not known how to explain ${method}`);
  }
}

function explainFind(
  find: string,
  filter: Record<string, unknown>,
  sort: unknown = {},
): Promise<Explained> {
  return mongoose.connection.db!.command({ explain: { find, filter, sort } });
}

/** The pipeline itself, and each look-up in it as the query that it makes for one row. */
function explainPipeline(aggregate: string, pipeline: PipelineStage[]): Promise<Explained>[] {
  const lookups = pipeline.flatMap((stage) => ("$lookup" in stage ? [stage.$lookup] : []));
  return [
    mongoose.connection.db!.command({ explain: { aggregate, pipeline, cursor: {} } }),
    ...lookups.flatMap(({ from, foreignField, pipeline: inner = [] }) => {
      const joined = { $match: { [foreignField ?? ""]: new Types.ObjectId() } };
      const [first, ...rest]: PipelineStage[] = inner;
      // The server puts the condition of the join and a leading $match together.
      const leading =
        first && "$match" in first ? [{ $match: { $and: [joined.$match, first.$match] } }] : [];
      const stages = leading.length > 0 ? [...leading, ...rest] : [joined, ...inner];
      return explainPipeline(from, stages);
    }),
  ];
}

interface Finding {
  operation: string;
  collection: string;
  method: string;
  query: string;
}

/** The recorded queries whose plan has the stage; each kind of query is explained once. */
async function queriesWith(
  stage: "COLLSCAN" | "SORT",
  sent: { operation: string; query: Sent }[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { operation, query } of distinct(sent)) {
    const plans = await Promise.all(explain(query));
    if (plans.some((plan) => JSON.stringify(winners(plan)).includes(`"stage":"${stage}"`))) {
      const { collection, method, args } = query;
      findings.push({ operation, collection, method, query: written(args[0]) });
    }
  }
  return findings;
}

/** The chosen plans, without the pipeline's own stages. */
function winners(plan: unknown): unknown[] {
  if (typeof plan !== "object" || plan === null) {
    return [];
  }
  return Object.entries(plan).flatMap(([key, value]) =>
    key === "winningPlan" ? [value] : winners(value),
  );
}

/** As text, without the driver's session, which is no part of the question. */
function written(value: unknown): string {
  return JSON.stringify(value, (key, part: unknown) => (key === "session" ? undefined : part));
}

/** Queries of one shape have one plan. */
function distinct(sent: { operation: string; query: Sent }[]) {
  const shapes = new Map<string, { operation: string; query: Sent }>();
  for (const entry of sent) {
    const shape = written(entry).replace(/"[0-9a-f]{24}"|"\d{4}-[^"]*Z"|\d+/g, "?");
    shapes.set(shape, entry);
  }
  return [...shapes.values()];
}

describeEmbedded(
  "no endpoint reads a whole collection (explained by the embedded database)",
  () => {
    const reads: { operation: string; query: Sent }[] = [];
    const writes: { operation: string; query: Sent }[] = [];
    let few: Record<string, number>;
    let many: Record<string, number>;

    beforeAll(async () => {
      await grow(5);
      few = await queryCounts();
      await grow(45);
      many = await queryCounts();
      for (const [name, operation] of readings) {
        const call = await validCall(name, things);
        for (const query of queriesOf(operation)) {
          for (const token of [things.owner.accessToken, undefined]) {
            const sent = await recorded(() => read(operation, { ...call, query }, token));
            reads.push(...sent.map((entry) => ({ operation: name, query: entry })));
          }
        }
      }
      for (const [name, operation] of writings) {
        const fresh = await newThings();
        const { owner } = fresh;
        const call = await validCall(name, fresh, owner);
        const sent = await recorded(() => send(operation, call, owner.accessToken));
        writes.push(...sent.map((entry) => ({ operation: name, query: entry })));
      }
    }, 300_000);

    /** How many queries each reading operation needs for a page that holds all there is. */
    async function queryCounts(): Promise<Record<string, number>> {
      const counts: Record<string, number> = {};
      for (const [name, operation] of readings) {
        const call = await validCall(name, things);
        const query: Call["query"] = queryNames(operation).includes("limit")
          ? { limit: "100" }
          : {};
        const path = pathOf(operation.path, { ...call, query });
        // The first look at a video counts a view.
        await ask({ method: "get", path, token: things.owner.accessToken });
        counts[name] = (
          await recorded(() => ask({ method: "get", path, token: things.owner.accessToken }))
        ).length;
      }
      return counts;
    }

    it("is recorded: whoever is signed in costs queries", () => {
      expect(reads.length).toBeGreaterThan(500);
      expect(new Set(writes.map(({ operation }) => operation)).size).toBe(writings.length);
    });

    it("finds what it reads by an index", async () => {
      expect(await queriesWith("COLLSCAN", reads)).toEqual([]);
    });

    it("finds what it writes to by an index", async () => {
      expect(await queriesWith("COLLSCAN", writes)).toEqual([]);
    });

    it("reads its lists in the order of an index, but for words, which have none", async () => {
      const ordered = reads.filter(({ query }) => !written(query.args).includes('"$text"'));
      expect(await queriesWith("SORT", ordered)).toEqual([]);
    });

    it("needs as many queries for fifty rows as for five", () => {
      expect(many).toEqual(few);
    });
  },
);
