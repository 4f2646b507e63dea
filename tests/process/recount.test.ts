import mongoose from "mongoose";
import { call, publish, signedIn } from "../support/client";
import { run, scratchFolder, startServer } from "../support/server";

jest.setTimeout(120_000);

const RECOUNT = "src/commands/recount.ts";

async function recount(dataDir: string, ...args: string[]) {
  const program = run(RECOUNT, { DATA_DIR: dataDir }, args);
  return { status: await program.exited, output: program.output };
}

describe("npm run recount", () => {
  it("answers an unknown option with its usage and status 2", async () => {
    const { status, output } = await recount(scratchFolder(), "--nonsense");
    expect(status).toBe(2);
    expect(output).toMatch(/Usage: npm run recount/);
  });

  it("finds every counter that is wrong, mends it while the server runs, and finds nothing then", async () => {
    const DATA_DIR = scratchFolder();
    const server = await startServer({ DATA_DIR });
    await fill(server.url);
    expect(await recount(DATA_DIR)).toEqual({
      status: 0,
      output: "Every counter is what its rows say.",
    });

    await spoil(server.lines);
    const found = await recount(DATA_DIR);
    expect(found.status).toBe(1);
    for (const [counter, stored, counted] of SPOILT) {
      expect(found.output).toMatch(new RegExp(`^${counter} +\\w+ +${stored} +${counted}$`, "m"));
    }
    expect(found.output).toMatch(new RegExp(`^${SPOILT.length} counters differ`, "m"));

    const mended = await recount(DATA_DIR, "--fix");
    expect(mended.status).toBe(0);
    expect(mended.output).toMatch(new RegExp(`^${SPOILT.length} counters mended$`, "m"));
    expect((await recount(DATA_DIR)).status).toBe(0);
    const { body } = await call(`${server.url}/videos`);
    expect(body.data).toMatchObject({ totalDocs: 1, docs: [{ likesCount: 1, commentsCount: 2 }] });
    await server.stop();
  });

  it("mends exactly while likes come and go", async () => {
    const DATA_DIR = scratchFolder();
    const server = await startServer({ DATA_DIR });
    const { video, headers } = await fill(server.url);
    let isOver = false;
    const liking = (async () => {
      let likes = 0;
      for (; !isOver; likes += 1) {
        await call(`${server.url}/likes/toggle/v/${video}`, { method: "POST", headers });
      }
      return likes;
    })();
    for (let round = 0; round < 2; round += 1) {
      await spoil(server.lines);
      expect((await recount(DATA_DIR, "--fix")).status).toBe(0);
    }
    isOver = true;
    expect(await liking).toBeGreaterThan(0);
    expect(await recount(DATA_DIR)).toMatchObject({ status: 0 });
    await server.stop();
  });
});

/** Counter, what `spoil` writes into it, and what `fill` has made. */
const SPOILT = [
  ["videos.likesCount", "90", 1],
  ["videos.commentsCount", "90", 2],
  ["comments.likesCount", "90", 1],
  ["comments.repliesCount", "90", 1],
  ["tweets.likesCount", "90", 1],
  ["users.subscribersCount", "90", 1],
  ["users.subscriptionsCount", "90", 0],
  ["users.tweetsCount", "none", 1],
  ["users.uploadsCount", "90", 1],
  ["users.videosCount", "90", 1],
  ["counters.value", "90", 1],
  ["counters.value", "90", 1],
] as const;

/** One of everything that is counted. */
async function fill(url: string) {
  const [headers, others] = [await signedIn(url), await signedIn(url)];
  const json = { "Content-Type": "application/json" };
  const post = async (path: string, by: Record<string, string>, body?: object) => {
    const reply = await call(`${url}${path}`, {
      method: "POST",
      headers: { ...by, ...json },
      body: JSON.stringify(body ?? {}),
    });
    expect(reply.status).toBe(201);
    return reply.body.data;
  };
  const { _id: video, owner } = (await publish(url, headers)).body.data;
  const comment = await post(`/comments/${video}`, headers, { content: "First" });
  await post(`/comments/${video}`, others, { content: "Second", parent: comment._id });
  const tweet = await post("/tweets", headers, { content: "Hello" });
  await post(`/likes/toggle/v/${video}`, others);
  await post(`/likes/toggle/c/${comment._id}`, others);
  await post(`/likes/toggle/t/${tweet._id}`, others);
  await post(`/subscriptions/c/${owner._id}`, others);
  return { video: video as string, headers };
}

/** Writes nonsense into one counter of each kind, past everything that keeps them true. */
async function spoil(lines: string[]) {
  const port = /port (\d+)/.exec(lines.join("\n"))![1]!;
  const client = await mongoose.mongo.MongoClient.connect(`mongodb://127.0.0.1:${port}`);
  const db = client.db("videotube");
  const wrong = (...fields: string[]) => ({
    $set: Object.fromEntries(fields.map((field) => [field, 90])),
  });
  await db.collection("videos").updateOne({}, wrong("likesCount", "commentsCount"));
  await db.collection("comments").updateOne({ parent: null }, wrong("likesCount", "repliesCount"));
  await db.collection("tweets").updateOne({}, wrong("likesCount"));
  const fields = ["subscribersCount", "subscriptionsCount", "uploadsCount", "videosCount"];
  await db
    .collection("users")
    .updateOne({ uploadsCount: 1 }, { ...wrong(...fields), $unset: { tweetsCount: 1 } });
  await db
    .collection<{ _id: string }>("counters")
    .updateMany({ _id: { $in: ["publishedVideos", "tweets"] } }, wrong("value"));
  await client.close();
}
