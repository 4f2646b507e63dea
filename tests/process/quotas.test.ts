import { once } from "node:events";
import { stat } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { config } from "../../src/config/env";
import { Upload } from "../../src/models/upload.model";
import { User } from "../../src/models/user.model";
import { Video } from "../../src/models/video.model";
import { useApi } from "../support/api";
import { call, publish, type Reply } from "../support/client";
import { makeClip } from "../support/clips";
import { falseCounters } from "../support/counters";
import { newPerson, type Person } from "../support/people";
import { startServer, type RunningServer } from "../support/server";
import { metadata, TUS } from "../support/tus";

jest.setTimeout(240_000);

useApi();

/** A server with limits of its own on this test's database and files. */
function limited(limits: Record<string, string>): Promise<RunningServer> {
  const env = {
    DATA_DIR: config.dataDir,
    MONGODB_URI: config.database.uri!,
    DB_NAME: config.database.name,
    ...signing,
  };
  return startServer({ ...env, ...limits });
}

const signing = {
  ACCESS_TOKEN_SECRET: config.auth.accessTokenSecret,
  REFRESH_TOKEN_SECRET: config.auth.refreshTokenSecret,
};

function headersOf({ accessToken }: Person): Record<string, string> {
  return { Authorization: `Bearer ${accessToken}` };
}

/** How many replies there were of each kind. */
async function outcomes(replies: Promise<Reply>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status, body } of await Promise.all(replies)) {
    const outcome = `${status} ${body.code ?? ""}`.trim();
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

/** Begins a multipart upload and sends no more of it. */
async function stall(server: RunningServer, { accessToken }: Person): Promise<Socket> {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(
    `POST /api/v1/videos HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${accessToken}\r\n` +
      "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n--b\r\n",
  );
  return socket;
}

/** Announces a resumable upload of so many bytes. */
function announce(server: RunningServer, person: Person, size: number): ReturnType<typeof call> {
  return call(`${server.url}/uploads`, {
    method: "POST",
    headers: {
      ...{ ...TUS, ...headersOf(person), "Upload-Length": String(size) },
      "Upload-Metadata": metadata({ title: "A walk" }),
    },
  });
}

/** Waits until so many uploads are on their way. */
async function underway(count: number): Promise<void> {
  while ((await Upload.countDocuments({ publishedAt: null })) !== count) {
    /* each look waits for its answer */
  }
}

it("QUOTA_BYTES_PER_USER: parallel uploads are taken as long as there is room, and never beyond", async () => {
  const { size } = await stat(await makeClip());
  const server = await limited({
    QUOTA_BYTES_PER_USER: `${Math.floor(3.5 * size)}b`,
    MAX_CONCURRENT_UPLOADS: "100",
  });
  const [asha, ravi] = [await newPerson(), await newPerson()];
  const replies = Array.from({ length: 8 }, () => publish(server.url, headersOf(asha)));
  expect(await outcomes(replies)).toEqual({ "201": 3, "403 QUOTA_EXCEEDED": 5 });
  expect((await User.findById(asha._id))!.storedBytes).toBe(3 * size);
  expect((await publish(server.url, headersOf(ravi))).status).toBe(201);

  const { _id } = (await Video.findOne({ owner: asha._id }))!;
  const removal = await fetch(`${server.url}/videos/${_id.toHexString()}`, {
    method: "DELETE",
    headers: headersOf(asha),
  });
  expect(removal.status).toBe(200);
  expect((await publish(server.url, headersOf(asha))).status).toBe(201);
  expect(await falseCounters()).toEqual([]);
  await server.stop();
});

it("QUOTA_BYTES_PER_USER: resumable uploads count from the moment they are announced until they end", async () => {
  const server = await limited({ QUOTA_BYTES_PER_USER: "1000b", MAX_CONCURRENT_UPLOADS: "100" });
  const asha = await newPerson();
  const replies = Array.from({ length: 8 }, () => announce(server, asha, 300));
  expect(await outcomes(replies)).toEqual({ "201": 3, "403 QUOTA_EXCEEDED": 5 });
  await Upload.updateOne({ owner: asha._id }, { expiresAt: new Date(0) });
  expect((await announce(server, asha, 401)).status).toBe(403);
  expect((await announce(server, asha, 400)).status).toBe(201);
  await Upload.deleteMany({});
  await server.stop();
});

it("QUOTA_VIDEOS_PER_USER: one video more is refused before its bytes are received", async () => {
  const server = await limited({ QUOTA_VIDEOS_PER_USER: "2" });
  const asha = await newPerson();
  for (const status of [201, 201, 403]) {
    expect((await publish(server.url, headersOf(asha))).status).toBe(status);
  }
  const socket = await stall(server, asha);
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toContain("QUOTA_EXCEEDED");
  socket.destroy();
  await server.stop();
});

it("MAX_CONCURRENT_UPLOADS: a user's surplus is told 429, nobody else's; an upload that ends makes room", async () => {
  const server = await limited({ MAX_CONCURRENT_UPLOADS: "2" });
  const [asha, ravi] = [await newPerson(), await newPerson()];
  const [first, second] = [await stall(server, asha), await stall(server, asha)];
  await underway(2);

  const refused = await publish(server.url, headersOf(asha));
  expect(refused).toMatchObject({ status: 429, body: { code: "TOO_MANY_UPLOADS" } });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await publish(server.url, headersOf(ravi))).status).toBe(201);

  first.destroy();
  await underway(1);
  expect((await publish(server.url, headersOf(asha))).status).toBe(201);
  expect((await announce(server, asha, 10)).status).toBe(201);
  expect((await announce(server, asha, 10)).body.code).toBe("TOO_MANY_UPLOADS");
  // Nothing has been heard of them for a while.
  await Upload.updateMany({ owner: asha._id }, { activeUntil: new Date(0) });
  expect((await announce(server, asha, 10)).status).toBe(201);
  second.destroy();
  await underway(2);
  await server.stop();
});

it("MIN_FREE_SPACE: an upload that would leave less is told 507 and leaves nothing", async () => {
  const server = await limited({ MIN_FREE_SPACE: "1000tb" });
  const asha = await newPerson();
  const { status, body } = await publish(server.url, headersOf(asha));
  expect({ status, code: body.code }).toEqual({ status: 507, code: "STORAGE_FULL" });
  expect((await announce(server, asha, 10)).body.code).toBe("STORAGE_FULL");
  expect(await Video.exists({ owner: asha._id })).toBeNull();
  await server.stop();
});
