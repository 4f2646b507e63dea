import { mongo } from "mongoose";
import { startTestDatabase, stopTestDatabase, type TestDatabase } from "../support/database";
import type { Case } from "./case";
import { CASES } from "./cases";

/**
 * What MongoDB documents, asked of the embedded database. When TEST_MONGODB_URI names another
 * engine, the same is asked there and the two replies are compared.
 */
const REFERENCE = process.env["TEST_MONGODB_URI"];
const DATABASE = `compat_${process.pid}`;

type Doc = mongo.BSON.Document;

let test: TestDatabase;
let reference: mongo.MongoClient | undefined;

beforeAll(async () => {
  test = await startTestDatabase();
  reference = REFERENCE === undefined ? undefined : await mongo.MongoClient.connect(REFERENCE);
});

afterAll(async () => {
  await reference?.db(DATABASE).dropDatabase();
  await reference?.close();
  await stopTestDatabase(test);
});

/** Runs a case in an empty database and gives the last reply. */
async function ask(client: mongo.MongoClient, { documents, commands }: Case): Promise<Doc> {
  const db = client.db(DATABASE);
  await db.dropDatabase();
  if (documents?.length) {
    // Copies: the driver writes an `_id` into what it inserts.
    await db.collection("c").insertMany(documents.map((document) => ({ ...document })));
  }
  let reply: Doc = {};
  for (const command of commands) {
    reply = await db.command(command).catch((error: unknown) => refusal(error));
  }
  return comparable(reply);
}

function refusal(error: unknown): Doc {
  if (!(error instanceof mongo.MongoServerError)) {
    throw error;
  }
  const { errmsg, errorLabels, ...rest } = error.errorResponse;
  void [errmsg, errorLabels];
  return { ...rest, ok: 0 };
}

/** Without what is another at every run, and without the wording of messages. */
function comparable(reply: Doc): Doc {
  const { ok, code, codeName, cursor, writeErrors, ...rest } = reply;
  const { $clusterTime, operationTime, electionId, opTime, ...fields } = rest;
  void [$clusterTime, operationTime, electionId, opTime];
  return {
    ...fields,
    ok: Number(ok),
    ...(code === undefined ? {} : { code, codeName }),
    ...(cursor === undefined ? {} : { cursor: comparableCursor(cursor as Doc) }),
    ...(writeErrors === undefined
      ? {}
      : { writeErrors: (writeErrors as Doc[]).map(({ index, code }) => ({ index, code })) }),
  };
}

function comparableCursor({ firstBatch, id }: Doc): Doc {
  return { firstBatch, id: String(id) === "0" ? "closed" : "open" };
}

/** The codes of other engines are often their own; ours are held against the documented ones above. */
function withoutCodes({ code, codeName, writeErrors, ...reply }: Doc): Doc {
  void [code, codeName];
  return writeErrors === undefined
    ? reply
    : { ...reply, writeErrors: (writeErrors as Doc[]).map(({ index }) => ({ index })) };
}

describe("the documented reply", () => {
  it.each(CASES)("$name", async (asked) => {
    expect(await ask(test.client, asked)).toMatchObject(asked.reply);
  });
});

(REFERENCE === undefined ? describe.skip : describe)("the reference engine's reply", () => {
  it.each(CASES)("$name", async (asked) => {
    const ours = withoutCodes(await ask(test.client, asked));
    const theirs = withoutCodes(await ask(reference as mongo.MongoClient, asked));
    if (asked.difference === undefined) {
      expect(ours).toEqual(theirs);
    } else {
      expect(ours).not.toEqual(theirs);
    }
  });
});
