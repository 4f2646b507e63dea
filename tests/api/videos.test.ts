import { randomUUID } from "node:crypto";
import { readFile, truncate, copyFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { config } from "../../src/config/env";
import { Video } from "../../src/models/video.model";
import { api, origin, useApi } from "../support/api";
import { makeClip } from "../support/clips";
import { emptied, filesIn, mediaPath } from "../support/files";
import { newPerson, png, type Person } from "../support/people";
import { addVideo, publish } from "../support/videos";

useApi();

const NO_ID = "0".repeat(24);
let asha: Person;
let ravi: Person;

beforeAll(async () => {
  asha = await newPerson();
  ravi = await newPerson();
});

/** What a failed upload may not change. */
async function traces() {
  return {
    media: (await filesIn("media")).length,
    uploads: (await filesIn("uploads")).length,
    rows: await Video.countDocuments(),
  };
}

const uploadsGone = () => emptied(join(config.dataDir, "uploads"));

describe("POST /videos", () => {
  it("answers 401 without a token", async () => {
    await api("post", "/videos").field("title", "x").expect(401);
  });

  it("answers 400 without a file or a title, naming both", async () => {
    const { body } = await api("post", "/videos", asha.accessToken).field("x", "y").expect(400);
    const paths = body.errors.map((error: { path: string }) => error.path);
    expect(paths.sort()).toEqual(["title", "videoFile"]);
    await api("post", "/videos", asha.accessToken).send({ title: "A walk" }).expect(400);
  });

  it.each([
    ["a page", "MEDIA_UNSUPPORTED", 415, Buffer.from("<!doctype html><script>alert(1)</script>")],
    ["nothing", "MEDIA_EMPTY", 400, Buffer.alloc(0)],
    ["a playlist", "MEDIA_UNSUPPORTED", 415, Buffer.from("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")],
    [
      "a concat script",
      "MEDIA_UNSUPPORTED",
      415,
      Buffer.from("ffconcat version 1.0\nfile a.mp4\n"),
    ],
    ["random bytes", "MEDIA_UNSUPPORTED", 415, Buffer.from("x".repeat(10_000))],
  ])("refuses %s named video.mp4 and keeps nothing", async (_name, code, status, content) => {
    const before = await traces();
    const { body } = await api("post", "/videos", asha.accessToken)
      .field("title", "x")
      .attach("videoFile", content, { filename: "video.mp4", contentType: "video/mp4" })
      .expect(status);
    expect(body.code).toBe(code);
    await uploadsGone();
    expect(await traces()).toEqual(before);
  });

  it.each([0.3, 0.6, 0.9])(
    "refuses an MP4 cut at %d of its length and keeps nothing",
    async (part) => {
      const before = await traces();
      const clip = await makeClip({ seconds: 2, audio: true });
      const cut = join(config.dataDir, "cut.mp4");
      await copyFile(clip, cut);
      await truncate(cut, Math.floor((await readFile(clip)).length * part));
      await api("post", "/videos", asha.accessToken)
        .field("title", "x")
        .attach("videoFile", cut)
        .expect(422);
      await uploadsGone();
      expect(await traces()).toEqual(before);
    },
  );

  it("refuses a good video with a bad thumbnail and keeps nothing", async () => {
    const before = await traces();
    await api("post", "/videos", asha.accessToken)
      .field("title", "x")
      .attach("videoFile", await makeClip())
      .attach("thumbnail", Buffer.from("<svg/>"), "t.png")
      .expect(415);
    await uploadsGone();
    expect(await traces()).toEqual(before);
  });

  it("refuses two files for one field", async () => {
    const clip = await makeClip();
    await api("post", "/videos", asha.accessToken)
      .field("title", "x")
      .attach("videoFile", clip)
      .attach("videoFile", clip)
      .expect(400);
    await uploadsGone();
  });

  it("publishes a clip with facts read from the file, whatever the client claims", async () => {
    const clip = await makeClip({ seconds: 2, width: 96, height: 64 });
    const { body } = await api("post", "/videos", asha.accessToken)
      .field({
        title: "  Spaces  ",
        description: "d",
        tags: "Walk, jaipur ,walk",
        duration: "9999",
      })
      .field({ views: "77", owner: ravi._id, likesCount: "5" })
      .attach("videoFile", clip, { filename: "../../x.html", contentType: "text/html" })
      .expect(201);
    expect(body.data).toMatchObject({
      title: "Spaces",
      tags: ["walk", "jaipur"],
      views: 0,
      likesCount: 0,
      isPublished: true,
      owner: { _id: asha._id },
    });
    expect(body.data.duration).toBeCloseTo(2, 1);
    const file = await api("get", mediaPath(body.data.videoFile)).buffer(true).expect(200);
    expect(file.get("content-type")).toBe("video/mp4");
    expect(file.body).toEqual(await readFile(clip));
    const thumbnail = await api("get", mediaPath(body.data.thumbnail)).expect(200);
    expect(thumbnail.type).toBe("image/webp");
    await uploadsGone();
  });

  it("takes a thumbnail that was sent", async () => {
    await api("post", "/videos", asha.accessToken)
      .field("title", "x")
      .attach("videoFile", await makeClip())
      .attach("thumbnail", await png(), "t.png")
      .expect(201);
  });

  it("keeps two uploads of one file name apart", async () => {
    const clips = await Promise.all([makeClip({ seconds: 1 }), makeClip({ seconds: 2 })]);
    const replies = await Promise.all(
      clips.map((clip) =>
        api("post", "/videos", asha.accessToken)
          .field("title", "x")
          .attach("videoFile", clip, "same.mp4")
          .expect(201),
      ),
    );
    for (const [i, reply] of replies.entries()) {
      const file = await api("get", mediaPath(reply.body.data.videoFile)).buffer(true);
      expect(file.body).toEqual(await readFile(clips[i]!));
    }
  });

  it("leaves nothing of an upload that its client aborts", async () => {
    const before = await traces();
    const boundary = "x".repeat(20);
    const request = httpRequest(`${origin()}/api/v1/videos`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${asha.accessToken}`,
        "content-type": `multipart/form-data; boundary=${boundary}`,
        "content-length": 10_000_000,
      },
    });
    request.on("error", () => undefined);
    request.write(
      `--${boundary}\r\nContent-Disposition: form-data; name="videoFile"; filename="a.mp4"\r\n\r\n`,
    );
    request.write(Buffer.alloc(500_000));
    for (let i = 0; i < 1000 && (await filesIn("uploads")).length === 0; i++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const closed = new Promise((resolve) => request.once("close", resolve));
    request.destroy();
    await closed;
    await uploadsGone();
    expect(await traces()).toEqual(before);
  });

  it("answers 400 to a multipart body that ends too early", async () => {
    const { body } = await api("post", "/videos", asha.accessToken)
      .set("Content-Type", "multipart/form-data; boundary=abc")
      .send('--abc\r\nContent-Disposition: form-data; name="videoFile"; filename="a"\r\n\r\nxyz')
      .expect(400);
    expect(body.code).toBe("INVALID_MULTIPART");
    await api("post", "/videos", asha.accessToken)
      .set("Content-Type", "multipart/form-data")
      .send("no boundary")
      .expect(400);
    await uploadsGone();
  });
});

describe("an Idempotency-Key", () => {
  const send = async (key: string, owner = asha) =>
    api("post", "/videos", owner.accessToken)
      .set("Idempotency-Key", key)
      .field("title", "Once")
      .attach("videoFile", await makeClip());

  it("answers 400 when it is no visible text", async () => {
    for (const key of ["", "two words", "x".repeat(256)]) {
      const { status, body } = await send(key);
      expect([status, body.errors[0].path]).toEqual([400, "Idempotency-Key"]);
    }
  });

  it("makes one video of parallel requests and later ones, with one set of files", async () => {
    const key = randomUUID();
    const before = await traces();
    const replies = await Promise.all([send(key), send(key), send(key)]);
    replies.push(await send(key));
    expect(replies.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(new Set(replies.map(({ body }) => body.data._id)).size).toBe(1);
    await uploadsGone();
    expect(await traces()).toEqual({ ...before, rows: before.rows + 1, media: before.media + 2 });
  });

  it("means nothing to another user, and nothing for a request that failed", async () => {
    const key = randomUUID();
    await api("post", "/videos", asha.accessToken)
      .set("Idempotency-Key", key)
      .field("title", "Broken")
      .attach("videoFile", Buffer.from("no video"), "a.mp4")
      .expect(415);
    const [own, foreign] = [await send(key), await send(key, ravi)];
    expect([own.status, foreign.status]).toEqual([201, 201]);
    expect(own.body.data._id).not.toBe(foreign.body.data._id);
  });

  it("answers 409 when its video has just been deleted, and brings nothing back", async () => {
    const key = randomUUID();
    const { body } = await send(key);
    await api("delete", `/videos/${body.data._id}`, asha.accessToken).expect(200);
    const before = await traces();
    const again = await send(key);
    expect([again.status, again.body.code]).toEqual([409, "VIDEO_REMOVED"]);
    await uploadsGone();
    expect(await traces()).toEqual(before);
  });
});

describe("GET /videos", () => {
  it.each([
    "limit=0",
    "limit=-1",
    "limit=1.5",
    "limit=abc",
    "limit=",
    "page=0",
    "page=-1",
    "page=x",
    "limit=1&limit=2",
    "sortBy=password",
    "sortBy=$where",
    "sortType=up",
    "userId=x",
    "cursor=nonsense",
    "cursor=",
    "sortBy=relevance",
  ])("answers 400 for ?%s", async (query) => {
    await api("get", `/videos?${query}`).expect(400);
  });

  it("takes empty choices, as many clients send them, for none", async () => {
    await api("get", "/videos?page=1&limit=10&query=&sortBy=&sortType=&userId=&tag=").expect(200);
    const own = "/dashboard/videos?sortBy=&sortType=";
    await api("get", own, asha.accessToken).expect(200);
  });

  it("serves a limit above 100 as 100 and a far page as an empty one", async () => {
    const { body } = await api("get", "/videos?limit=1000000000").expect(200);
    expect(body.data.limit).toBe(100);
    const far = await api("get", "/videos?page=1000000000").expect(200);
    expect(far.body.data.docs).toEqual([]);
  });

  it("lists one channel, sorted as asked, each page once", async () => {
    const owner = await newPerson();
    const titles = ["b", "d", "a", "c", "e"];
    for (const title of titles) {
      await publish(owner, { title });
    }
    const list = async (query: string) => {
      const { body } = await api("get", `/videos?userId=${owner._id}&${query}`).expect(200);
      return body.data;
    };
    const titlesOf = (page: { docs: { title: string }[] }) => page.docs.map((doc) => doc.title);
    expect(titlesOf(await list(""))).toEqual([...titles].reverse());
    expect(titlesOf(await list("sortBy=title&sortType=asc"))).toEqual(["a", "b", "c", "d", "e"]);
    const second = await list("sortBy=title&sortType=desc&limit=2&page=2");
    expect(titlesOf(second)).toEqual(["c", "b"]);
    expect(second).toMatchObject({
      totalDocs: 5,
      totalPages: 3,
      page: 2,
      pagingCounter: 3,
      hasPrevPage: true,
      hasNextPage: true,
      prevPage: 1,
      nextPage: 3,
    });
  });

  it("walks by cursor without skipping or repeating while the list changes", async () => {
    const owner = await newPerson();
    for (const title of ["1", "2", "3", "4", "5"]) {
      await publish(owner, { title });
    }
    const base = `/videos?userId=${owner._id}&limit=2`;
    const first = await api("get", base).expect(200);
    await publish(owner, { title: "6" });
    await api("delete", `/videos/${first.body.data.docs[0]._id}`, owner.accessToken).expect(200);
    const seen: string[] = [];
    let cursor: string | null = first.body.data.nextCursor;
    while (cursor) {
      const { body } = await api("get", `${base}&cursor=${cursor}`).expect(200);
      seen.push(...body.data.docs.map((doc: { title: string }) => doc.title));
      cursor = body.data.nextCursor;
    }
    expect(seen).toEqual(["3", "2", "1"]);
    await api("get", `${base}&sortBy=views&cursor=${first.body.data.nextCursor}`).expect(400);
  });

  it("walks by cursor past titles that are long to write", async () => {
    const owner = await newPerson();
    const title = "\u0001".repeat(200);
    await Promise.all([addVideo(owner, { title }), addVideo(owner, { title })]);
    const list = `/videos?userId=${owner._id}&sortBy=title&limit=1`;
    const first = await api("get", list).expect(200);
    const second = await api("get", `${list}&cursor=${first.body.data.nextCursor}`).expect(200);
    expect(second.body.data.docs).toHaveLength(1);
    expect(second.body.data.docs[0]._id).not.toBe(first.body.data.docs[0]._id);
  });

  it("walks by cursor through videos that sort alike", async () => {
    const owner = await newPerson();
    const published: string[] = [];
    for (let i = 0; i < 5; i++) {
      published.push((await publish(owner))._id);
    }
    const seen: string[] = [];
    let cursor = "";
    for (const sortType of ["asc", "desc"]) {
      do {
        const { body } = await api(
          "get",
          `/videos?userId=${owner._id}&limit=2&sortBy=views&sortType=${sortType}${cursor}`,
        ).expect(200);
        seen.push(...body.data.docs.map((doc: { _id: string }) => doc._id));
        cursor = body.data.nextCursor ? `&cursor=${body.data.nextCursor}` : "";
      } while (cursor);
    }
    expect(seen).toEqual([...published, ...published.reverse()]);
  });

  it("finds words in title, description and tags, and takes operators for words", async () => {
    const owner = await newPerson();
    const inTitle = await publish(owner, { title: "Zanzibar at dawn" });
    const inTags = await publish(owner, { title: "Elsewhere", tags: "zanzibar" });
    const { body } = await api("get", "/videos?query=zanzibar&sortBy=relevance").expect(200);
    expect(body.data.docs.map((doc: { _id: string }) => doc._id)).toEqual([
      inTitle._id,
      inTags._id,
    ]);
    for (const hostile of ["(a+)+$", "$where", "{$gt:''}", "%00", '"', "-", "x".repeat(64)]) {
      const status = hostile === "%00" ? 400 : 200;
      const query = hostile === "%00" ? hostile : encodeURIComponent(hostile);
      await api("get", `/videos?query=${query}`).expect(status);
    }
    await api("get", `/videos?query=${"x".repeat(65)}`).expect(400);
    const tagged = await api("get", "/videos?tag=Zanzibar").expect(200);
    expect(tagged.body.data.docs).toHaveLength(1);
  });
});

describe("GET /videos/:videoId", () => {
  it.each([
    ["not-an-id", 400],
    ["a".repeat(25), 400],
    ["zzzzzzzzzzzz", 400],
    [NO_ID, 404],
  ])("answers %s with %d", async (id, status) => {
    await api("get", `/videos/${id}`).expect(status);
  });

  it("counts a view per viewer and window, the owner's never", async () => {
    const video = await publish(asha);
    const look = async (token?: string, agent = "Browser/1") => {
      const { body } = await api("get", `/videos/${video._id}`, token)
        .set("User-Agent", agent)
        .expect(200);
      return body.data.views as number;
    };
    expect(await look(asha.accessToken)).toBe(0);
    expect(await look(ravi.accessToken)).toBe(1);
    expect(await look(ravi.accessToken)).toBe(1);
    expect(await look(undefined)).toBe(2);
    expect(await look(undefined)).toBe(2);
    expect(await look(undefined, "Browser/2")).toBe(3);
    await api("head", `/videos/${video._id}`).set("User-Agent", "Browser/3").expect(200);
    const again = await newPerson();
    await Promise.all(Array.from({ length: 20 }, () => look(again.accessToken)));
    expect(await look(asha.accessToken)).toBe(4);
    const report = await api("post", `/videos/${video._id}/view`, ravi.accessToken)
      .send({ position: 12.5, watched: 3 })
      .expect(200);
    expect(report.body.data).toEqual({ views: 4 });
  });
});

/** The address of a file as it is when its video is published. */
function unsigned(address: string): string {
  return address.replace(/\/signed\/[^/]+/, "");
}

describe("unpublished videos", () => {
  it("are invisible to strangers on every path, the files included", async () => {
    const video = await publish(asha, { title: "Canary Quetzal", isPublished: "false" });
    const signed = [mediaPath(video.videoFile), mediaPath(video.thumbnail)];
    const files = signed.map(unsigned);
    for (const token of [undefined, ravi.accessToken]) {
      await api("get", `/videos/${video._id}`, token).expect(404);
      await api("post", `/videos/${video._id}/view`, token).send({}).expect(404);
      for (const query of ["limit=100", `userId=${asha._id}`, "query=quetzal"]) {
        const { text } = await api("get", `/videos?${query}`, token).expect(200);
        expect(text).not.toContain("Quetzal");
      }
      for (const file of files) {
        await api("get", file, token).expect(404);
        await api("get", file, token).set("Range", "bytes=0-1").expect(404);
        await api("head", file, token).expect(404);
      }
    }
    await api("patch", `/videos/${video._id}`, ravi.accessToken).send({ title: "x" }).expect(404);
    await api("delete", `/videos/${video._id}`, ravi.accessToken).expect(404);

    await api("get", `/videos/${video._id}`, asha.accessToken).expect(200);
    const own = await api("get", `/videos?userId=${asha._id}`, asha.accessToken).expect(200);
    expect(own.text).toContain("Quetzal");
    for (const file of signed) {
      const reply = await api("get", file).expect(200);
      expect(reply.get("cache-control")).toBe("private, no-store");
    }
  });

  it("become visible and invisible at once by the toggle", async () => {
    const video = await publish(asha);
    const toggle = () => api("patch", `/videos/toggle/publish/${video._id}`, asha.accessToken);
    expect((await toggle().expect(200)).body.data.isPublished).toBe(false);
    await api("get", mediaPath(video.videoFile)).expect(404);
    expect((await toggle().expect(200)).body.data.isPublished).toBe(true);
    await api("get", mediaPath(video.videoFile)).expect(200);
    await Promise.all(Array.from({ length: 7 }, () => toggle().expect(200)));
    await api("get", `/videos/${video._id}`).expect(404);
    await api("patch", `/videos/toggle/publish/${NO_ID}`, asha.accessToken).expect(404);
  });
});

describe("PATCH /videos/:videoId", () => {
  it("answers 401 to anybody, 403 to a stranger, and changes nothing", async () => {
    const video = await publish(asha);
    await api("patch", `/videos/${video._id}`).send({ title: "x" }).expect(401);
    const { body } = await api("patch", `/videos/${video._id}`, ravi.accessToken)
      .send({ title: "x" })
      .expect(403);
    expect(body.code).toBe("FORBIDDEN");
    await api("patch", `/videos/toggle/publish/${video._id}`, ravi.accessToken).expect(403);
    const after = await api("get", `/videos/${video._id}`).expect(200);
    expect(after.body.data).toMatchObject({ title: video.title, isPublished: true });
  });

  it.each([
    { title: "" },
    { title: null },
    { title: { $gt: "" } },
    { title: ["a"] },
    { title: "x".repeat(201) },
    { description: 7 },
    { tags: [{ $gt: "" }] },
    { tags: Array.from({ length: 21 }, (_, i) => `t${i}`) },
    { isPublished: "perhaps" },
    { isPublished: 1 },
  ])("answers 400 for %j", async (body) => {
    const video = await publish(asha);
    await api("patch", `/videos/${video._id}`, asha.accessToken).send(body).expect(400);
  });

  it("changes what is given and nothing else", async () => {
    const video = await publish(asha, { description: "kept" });
    const { body } = await api("patch", `/videos/${video._id}`, asha.accessToken)
      .send({ title: "New", isPublished: false, views: 99, owner: ravi._id, videoFile: "x" })
      .expect(200);
    expect(body.data).toMatchObject({
      title: "New",
      description: "kept",
      isPublished: false,
      views: 0,
      owner: { _id: asha._id },
    });
    expect(unsigned(body.data.videoFile as string)).toBe(video.videoFile);
  });

  it("replaces the thumbnail and removes the old file", async () => {
    const video = await publish(asha);
    const { body } = await api("patch", `/videos/${video._id}`, asha.accessToken)
      .attach("thumbnail", await png(), "t.png")
      .expect(200);
    await api("get", mediaPath(body.data.thumbnail)).expect(200);
    await api("get", mediaPath(video.thumbnail)).expect(404);
    expect(await filesIn("media")).not.toContain(video.thumbnail.split("/").at(-1));
    await uploadsGone();
  });

  it("keeps one of many thumbnails sent at once", async () => {
    const video = await publish(asha);
    const image = await png();
    await Promise.all(
      Array.from({ length: 10 }, () =>
        api("patch", `/videos/${video._id}`, asha.accessToken)
          .attach("thumbnail", image, "t.png")
          .expect(200),
      ),
    );
    const { body } = await api("get", `/videos/${video._id}`);
    const named = [body.data.videoFile, body.data.thumbnail] as string[];
    expect((await filesIn(`media/videos/${video._id}`)).sort()).toEqual(
      named.map((url) => url.split("/").at(-1)!).sort(),
    );
  });
});

describe("DELETE /videos/:videoId", () => {
  it("answers 401, 403 and 404 to the wrong callers", async () => {
    const video = await publish(asha);
    await api("delete", `/videos/${video._id}`).expect(401);
    await api("delete", `/videos/${video._id}`, ravi.accessToken).expect(403);
    await api("delete", `/videos/${NO_ID}`, asha.accessToken).expect(404);
    await api("get", `/videos/${video._id}`).expect(200);
  });

  it("takes the row and both files away", async () => {
    const before = await traces();
    const video = await publish(asha);
    await api("get", `/videos/${video._id}`, ravi.accessToken).expect(200);
    const { body } = await api("delete", `/videos/${video._id}`, asha.accessToken).expect(200);
    expect(body.data).toEqual({ videoId: video._id });
    await api("get", `/videos/${video._id}`, asha.accessToken).expect(404);
    await api("get", mediaPath(video.videoFile), asha.accessToken).expect(404);
    expect(await traces()).toEqual(before);
  });
});
