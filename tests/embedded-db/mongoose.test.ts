import mongoose, { type Connection, Schema } from "mongoose";
import paginate from "mongoose-aggregate-paginate-v2";
import { RateLimiterMongo } from "rate-limiter-flexible";
import { type EmbeddedDatabase, startEmbeddedDatabase } from "../../src/embedded-db";

let database: EmbeddedDatabase;
let connection: Connection;

beforeAll(async () => {
  database = await startEmbeddedDatabase();
  connection = await mongoose.createConnection(database.uri, { dbName: "app" }).asPromise();
});

afterAll(async () => {
  await connection.close();
  await database.stop();
});

const videoSchema = new Schema(
  {
    title: String,
    owner: { type: Schema.Types.ObjectId, ref: "User" },
    views: { type: Number, default: 0 },
  },
  { timestamps: true },
);
interface VideoFields {
  title: string;
  owner: mongoose.Types.ObjectId;
  views: number;
  createdAt: Date;
}

videoSchema.index({ owner: 1, createdAt: -1, _id: -1 });
videoSchema.index({ title: "text" });
videoSchema.plugin(paginate);

function models() {
  const userSchema = new Schema({ name: { type: String, unique: true } });
  const User: unknown = connection.models["User"] ?? connection.model("User", userSchema);
  const Video: unknown = connection.models["Video"] ?? connection.model("Video", videoSchema);
  return {
    User: User as mongoose.Model<{ name: string }>,
    Video: Video as mongoose.Model<VideoFields>,
  };
}

async function seed(videos = 25) {
  const { User, Video } = models();
  await Promise.all([User.deleteMany({}), Video.deleteMany({})]);
  const owner = await User.create({ name: "owner" });
  await Video.create(
    Array.from({ length: videos }, (_, n) => ({
      title: `Video ${n}`,
      owner: owner._id,
      createdAt: new Date(n * 1000),
    })),
  );
  return owner;
}

describe("Mongoose on the embedded database", () => {
  it("builds the schema's indexes and finds no difference afterwards", async () => {
    const { Video } = models();
    await Video.createIndexes();
    expect(await Video.diffIndexes()).toEqual({ toDrop: [], toCreate: [] });
  });

  it("populates, sorts and pages by key", async () => {
    await seed();
    const { Video } = models();
    const first = await Video.find().sort({ createdAt: -1, _id: -1 }).limit(10).populate("owner");
    expect(first[0]).toMatchObject({ title: "Video 24", owner: { name: "owner" } });
    const last = first.at(-1);
    const next = await Video.find({
      $or: [
        { createdAt: { $lt: last?.createdAt } },
        { createdAt: last?.createdAt, _id: { $lt: last?._id } },
      ],
    })
      .sort({ createdAt: -1, _id: -1 })
      .limit(10);
    expect(next.map(({ title }) => title)).toEqual(
      Array.from({ length: 10 }, (_, n) => `Video ${14 - n}`),
    );
  });

  it("pages with mongoose-aggregate-paginate-v2, counting by facet and by query", async () => {
    const owner = await seed();
    const { Video } = models();
    for (const useFacet of [true, false]) {
      const aggregate = Video.aggregate([
        { $match: { owner: owner._id } },
        { $sort: { createdAt: -1 } },
      ]);
      const page = await (
        Video as unknown as mongoose.AggregatePaginateModel<{ title: string }>
      ).aggregatePaginate(aggregate as never, { page: 2, limit: 10, useFacet });
      expect(page).toMatchObject({ totalDocs: 25, totalPages: 3, page: 2, hasNextPage: true });
      expect(page.docs[0]).toMatchObject({ title: "Video 14" });
    }
  });

  it("keeps toggles exact under parallel findOneAndUpdate with upsert", async () => {
    const Counter = connection.model(
      "Counter",
      new Schema({ key: { type: String, unique: true }, n: Number, first: Number }),
    );
    await Counter.init();
    const once = (first: number) =>
      Counter.findOneAndUpdate(
        { key: "k" },
        { $inc: { n: 1 }, $setOnInsert: { first } },
        { upsert: true, returnDocument: "after" },
      );
    await Promise.all(Array.from({ length: 50 }, (_, at) => once(at)));
    expect(await Counter.find().lean()).toMatchObject([{ key: "k", n: 50 }]);
  });

  it("runs a rate limiter", async () => {
    const limiter = new RateLimiterMongo({
      storeClient: connection,
      dbName: "app",
      points: 2,
      duration: 60,
    });
    await limiter.consume("ip");
    await limiter.consume("ip");
    await expect(limiter.consume("ip")).rejects.toMatchObject({ remainingPoints: 0 });
  });

  it("rolls back a failed transaction", async () => {
    const { User } = models();
    await User.deleteMany({});
    await User.init();
    const work = connection.transaction(async (session) => {
      await User.create([{ name: "a" }], { session });
      await User.create([{ name: "a" }], { session });
    });
    await expect(work).rejects.toMatchObject({ code: 11000 });
    expect(await User.countDocuments()).toBe(0);
  });

  it("searches text by score", async () => {
    await seed(3);
    const { Video } = models();
    await Video.init();
    await Video.create({ title: "Learning to cook" });
    const found = await Video.find(
      { $text: { $search: "cooking" } },
      { score: { $meta: "textScore" } },
    ).lean();
    expect(found).toHaveLength(1);
    expect((found[0] as unknown as { score: number }).score).toBeGreaterThan(0);
  });
});
