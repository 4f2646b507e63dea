import { join } from "node:path";
import mongoose, { type ConnectOptions } from "mongoose";
import { config } from "../config/env";
import { logger } from "../config/logger";

/** The database that this process works on, and how to let go of it. */
export interface Database {
  /** For people: what it is and where, without credentials. */
  description: string;
  disconnect(): Promise<void>;
}

const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 10_000;

/** While the database is away a request is answered within these, and its return is noticed soon. */
const CONNECTION: ConnectOptions = {
  dbName: config.database.name,
  serverSelectionTimeoutMS: 1500,
  connectTimeoutMS: 2000,
  socketTimeoutMS: 10_000,
  heartbeatFrequencyMS: 500,
  // Above the frequency: a look that the driver hurries while connections close may write to a socket
  // that is closed already and wait for it forever, so that the database's return is never noticed.
  minHeartbeatFrequencyMS: 1000,
  bufferCommands: false,
  autoIndex: false,
};

// Operators that arrive inside values are made literals; filters of our own say trusted().
mongoose.set("sanitizeFilter", true);
// A misspelt filter key must never turn into "match everything".
mongoose.set("strictQuery", "throw");

/**
 * Connects Mongoose to MONGODB_URI or, when none is set, to the embedded database, which it starts.
 * Waits for a database that is away; a refused login or a bad address is an error.
 */
export async function connectDB(): Promise<Database> {
  const target =
    config.database.uri === null ? await startEmbedded() : external(config.database.uri);
  await connectPatiently(target.uri, target.description);
  await createIndexes();
  return {
    description: target.description,
    async disconnect() {
      await mongoose.disconnect();
      await target.stop();
    },
  };
}

interface Target {
  uri: string;
  description: string;
  stop(): Promise<void>;
}

async function startEmbedded(): Promise<Target> {
  const dataDir = join(config.dataDir, "db");
  // Loaded here only: with a database of one's own the embedded one costs nothing.
  const { startEmbeddedDatabase } = await import("../embedded-db");
  const database = await startEmbeddedDatabase({ dataDir, onFailure });
  return {
    // What the API has acknowledged survives the loss of power, too.
    uri: `${database.uri}&w=majority`,
    description: `embedded, data in ${dataDir} (port ${database.port})`,
    stop: () => database.stop(),
  };
}

/** Without its database this process is of no use: as an uncaught exception it ends, and a supervisor starts a new one. */
function onFailure(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}

function external(uri: string): Target {
  return { uri, description: withoutCredentials(uri), stop: () => Promise.resolve() };
}

/** Tries until the database answers, with growing pauses and a line each time. */
async function connectPatiently(uri: string, description: string): Promise<void> {
  for (let pause = RETRY_MIN_MS; ; pause = Math.min(pause * 2, RETRY_MAX_MS)) {
    try {
      await mongoose.connect(uri, CONNECTION);
      return;
    } catch (error) {
      if (!isAway(error)) {
        throw error;
      }
      logger.warn(
        `The database ${description} does not answer (${(error as Error).message}); trying again in ${pause / 1000} s`,
      );
      await mongoose.disconnect();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

function isAway(error: unknown): boolean {
  return (
    error instanceof mongoose.Error.MongooseServerSelectionError ||
    error instanceof mongoose.mongo.MongoNetworkError
  );
}

/** Builds what the models declare. What cannot be built is named by the readiness check as missing. */
async function createIndexes(): Promise<void> {
  for (const model of Object.values(mongoose.models)) {
    try {
      await model.createIndexes();
    } catch (err) {
      logger.error({ err }, `indexes of ${model.collection.collectionName} could not be built`);
    }
  }
}

function withoutCredentials(uri: string): string {
  return uri.replace(/\/\/[^@/]*@/, "//");
}
