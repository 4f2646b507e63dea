import { join } from "node:path";
import { Types } from "mongoose";
import { CAPTIONS_MAX, CAPTIONS_MAX_BYTES } from "../../src/constants";
import { UnclaimedFile } from "../../src/models/unclaimed-file.model";
import { Video } from "../../src/models/video.model";
import { api, useApi } from "../support/api";
import { CAPTIONS, putCaptions } from "../support/captions";
import { filesIn, mediaPath } from "../support/files";
import { newPerson, type Person } from "../support/people";
import { checkIds, needNobody, needSignIn, NO_ID } from "../support/rules";
import { publish } from "../support/videos";
import { expectSoundWorld } from "../support/world";

useApi();

let asha: Person;
let ravi: Person;
let video: string;

beforeAll(async () => {
  [asha, ravi] = [await newPerson(), await newPerson()];
});

beforeEach(async () => {
  video = (await publish(asha))._id;
});

afterEach(expectSoundWorld);

needSignIn([
  ["put", `/videos/${NO_ID}/captions/en`],
  ["delete", `/videos/${NO_ID}/captions/en`],
]);
needNobody([
  ["get", `/videos/${NO_ID}/captions`],
  ["get", `/videos/${NO_ID}/captions/en`],
]);
checkIds(
  [
    ["get", "/videos/:id/captions", "VIDEO_NOT_FOUND"],
    ["get", "/videos/:id/captions/en", "VIDEO_NOT_FOUND"],
    ["put", "/videos/:id/captions/en", "VIDEO_NOT_FOUND"],
    ["delete", "/videos/:id/captions/en", "VIDEO_NOT_FOUND"],
  ],
  () => asha.accessToken,
);

interface Entry {
  language: string;
  label: string;
  url: string;
}

async function listed(token?: string): Promise<Entry[]> {
  const { body } = await api("get", `/videos/${video}/captions`, token).expect(200);
  return body.data as Entry[];
}

/** The captions as players get them. */
async function played({ url }: Entry, token?: string): Promise<string> {
  const reply = await api("get", mediaPath(url), token).expect(200);
  expect(reply.type).toBe("text/vtt");
  return reply.text;
}

/** The captions that are stored, named or not. */
const storedCaptions = async () =>
  (await filesIn("media")).filter((name) => name.endsWith(".vtt")).length;

describe("PUT /videos/:videoId/captions/:language", () => {
  it("answers 403 to a stranger and 404 to one who may not know of the video", async () => {
    expect((await putCaptions(ravi, video, "en").expect(403)).body.code).toBe("FORBIDDEN");
    await api("patch", `/videos/toggle/publish/${video}`, asha.accessToken).expect(200);
    expect((await putCaptions(ravi, video, "en").expect(404)).body.code).toBe("VIDEO_NOT_FOUND");
    expect(await listed(asha.accessToken)).toEqual([]);
  });

  it.each(["e", "en_US", "klingonish", "en--US", "x-klingon", "en-u", "1", `en-${"a".repeat(40)}`])(
    "answers 400 for the language %s",
    async (language) => {
      const { body } = await putCaptions(asha, video, language).expect(400);
      expect(body).toMatchObject({ code: "VALIDATION_FAILED", errors: [{ path: "language" }] });
    },
  );

  it("answers 400 without a file, and for labels that a playlist cannot hold", async () => {
    const { body } = await putCaptions(asha, video, "en", null).expect(400);
    expect(body.errors).toEqual([{ path: "captions", message: "a file is required" }]);
    await api("put", `/videos/${video}/captions/en`, asha.accessToken)
      .send({ captions: CAPTIONS })
      .expect(400);
    for (const label of ["", " ", 'a"b', "a\nb", "a\u007fb", "x".repeat(101)]) {
      const reply = await putCaptions(asha, video, "en", CAPTIONS, { label }).expect(400);
      expect(reply.body.errors).toMatchObject([{ path: "label" }]);
    }
  });

  it.each([
    ["a page", "CAPTIONS_UNREADABLE", "<!doctype html><script>alert(1)</script>"],
    ["a picture", "CAPTIONS_UNREADABLE", Buffer.from([0x89, 0x50, 0x4e, 0x47])],
    ["WebVTT with a broken time", "CAPTIONS_UNREADABLE", "WEBVTT\n\n00:01 --> 00:02\na\n"],
    ["WebVTT without cues", "CAPTIONS_EMPTY", "WEBVTT\n"],
    ["nothing", "CAPTIONS_EMPTY", ""],
    [
      "more cues than any film has",
      "CAPTIONS_TOO_MANY_CUES",
      `WEBVTT\n\n${"00:00.000 --> 00:01.000\na\n\n".repeat(20_001)}`,
    ],
  ])("answers 422 for %s, and keeps nothing", async (_what, code, file) => {
    const before = await storedCaptions();
    const { body } = await putCaptions(asha, video, "en", file).expect(422);
    expect(body.code).toBe(code);
    expect(await listed()).toEqual([]);
    expect(await storedCaptions()).toBe(before);
  });

  it("tells the line that is wrong", async () => {
    const { body } = await putCaptions(asha, video, "en", `${CAPTIONS}\nlost\n`).expect(422);
    expect(body.message).toMatch(/^Line 6: /);
  });

  it("answers 413 for more than a megabyte", async () => {
    const note = (bytes: number) => `WEBVTT\n\nNOTE ${"x".repeat(bytes)}\n\n${CAPTIONS.slice(8)}`;
    const { body } = await putCaptions(asha, video, "en", note(CAPTIONS_MAX_BYTES)).expect(413);
    expect(body.code).toBe("FILE_TOO_LARGE");
    await putCaptions(asha, video, "en", note(CAPTIONS_MAX_BYTES - 100)).expect(201);
  });

  it("adds captions that everybody finds and plays", async () => {
    const { body } = await putCaptions(asha, video, "en").expect(201);
    expect(body.data).toMatchObject({ language: "en", label: "English" });
    expect(await listed()).toEqual([body.data]);
    const page = await api("get", `/videos/${video}`).expect(200);
    expect(page.body.data.captions).toEqual([body.data]);
    const one = await api("get", `/videos/${video}/captions/en`, ravi.accessToken).expect(200);
    expect(one.body.data).toEqual(body.data);
    expect(await played(body.data as Entry)).toBe(CAPTIONS);
  });

  it("knows a language in any spelling, and names it in English", async () => {
    const { body } = await putCaptions(asha, video, "EN-us").expect(201);
    expect(body.data).toMatchObject({ language: "en-US", label: "American English" });
    const again = await putCaptions(asha, video, "en-US", CAPTIONS, { label: "US (CC)" });
    expect(again.status).toBe(200);
    expect(again.body.data.label).toBe("US (CC)");
    await putCaptions(asha, video, "hi-latn-in-u-nu-deva").expect(201);
    await putCaptions(asha, video, "qaa").expect(201);
    expect((await listed()).map(({ language, label }) => [language, label])).toEqual([
      ["en-US", "US (CC)"],
      ["hi-Latn-IN-u-nu-deva", "Hindi (Latin, India)"],
      ["qaa", "qaa"],
    ]);
    await api("get", `/videos/${video}/captions/En-Us`).expect(200);
  });

  it("makes WebVTT of SubRip with a byte order mark and CRLF", async () => {
    const srt = "\ufeff1\r\n00:00:00,000 --> 00:00:01,000\r\n<font color=red>Hello</font>\r\n";
    const { body } = await putCaptions(asha, video, "en", srt).expect(201);
    expect(await played(body.data as Entry)).toBe(CAPTIONS);
  });

  it("stores no style sheet", async () => {
    const styled = CAPTIONS.replace("\n\n", "\n\nSTYLE\n::cue { color: red }\n\n");
    const { body } = await putCaptions(asha, video, "en", styled).expect(201);
    expect(await played(body.data as Entry)).toBe(CAPTIONS);
  });

  it("replaces a language's captions, its label and its file", async () => {
    const first = await putCaptions(asha, video, "en", CAPTIONS, { label: "Mine" }).expect(201);
    const files = await storedCaptions();
    const changed = CAPTIONS.replace("Hello", "Good morning");
    const second = await putCaptions(asha, video, "en", changed).expect(200);
    expect(second.body.data.label).toBe("English");
    expect(await listed()).toEqual([second.body.data]);
    expect(await played(second.body.data as Entry)).toBe(changed);
    await api("get", mediaPath(first.body.data.url as string)).expect(404);
    expect(await storedCaptions()).toBe(files);
    expect(await UnclaimedFile.countDocuments()).toBe(0);
  });

  it("answers 400 when the video has captions in as many languages as it may have", async () => {
    const letters = [..."abcdefghijklmnopqrstuvwxyz"];
    const tags = letters.flatMap((a) => letters.map((b) => `q${a}${b}`)).slice(0, CAPTIONS_MAX);
    const entry = (language: string) => ({
      language,
      label: language,
      key: `videos/${video}/none.vtt`,
    });
    await Video.updateOne({ _id: video }, { $set: { captions: tags.slice(1).map(entry) } });
    await putCaptions(asha, video, tags[0]!).expect(201);
    const { body } = await putCaptions(asha, video, "en").expect(400);
    expect(body.code).toBe("CAPTIONS_FULL");
    await putCaptions(asha, video, tags[0]!).expect(200);
    expect(await listed()).toHaveLength(CAPTIONS_MAX);
  });

  it("loses nothing and leaves nothing behind when many are sent at once", async () => {
    const languages = ["ar", "bn", "de", "en", "es", "fr", "hi", "ja", "pt", "ta"];
    const text = (i: number) => CAPTIONS.replace("Hello", `Number ${i}`);
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        putCaptions(asha, video, languages[i % 10]!, text(i)).then((reply) => reply),
      ),
    );
    const statuses = replies.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array<number>(10).fill(200), ...Array<number>(10).fill(201)]);
    const entries = await listed();
    expect(entries.map(({ language }) => language)).toEqual(languages);
    for (const [i, entry] of entries.entries()) {
      expect([text(i), text(i + 10)]).toContain(await played(entry));
    }
    const folder = await filesIn(join("media", "videos", video));
    expect(folder.filter((name) => name.endsWith(".vtt"))).toHaveLength(10);
    expect(await UnclaimedFile.countDocuments()).toBe(0);
  });
});

describe("DELETE /videos/:videoId/captions/:language", () => {
  it("answers 403 to a stranger, 400 for no language, 404 for one that the video lacks", async () => {
    await putCaptions(asha, video, "en").expect(201);
    const path = `/videos/${video}/captions`;
    await api("delete", `${path}/en`, ravi.accessToken).expect(403);
    await api("delete", `${path}/-`, asha.accessToken).expect(400);
    const { body } = await api("delete", `${path}/en-GB`, asha.accessToken).expect(404);
    expect(body.code).toBe("CAPTIONS_NOT_FOUND");
    await api("get", `${path}/en-GB`).expect(404);
    expect(await listed()).toHaveLength(1);
  });

  it("takes the language away with its file, and no other", async () => {
    const { body } = await putCaptions(asha, video, "en").expect(201);
    const other = await putCaptions(asha, video, "hi").expect(201);
    await api("delete", `/videos/${video}/captions/EN`, asha.accessToken).expect(200);
    expect(await listed()).toEqual([other.body.data]);
    await api("get", mediaPath(body.data.url as string)).expect(404);
    await api("delete", `/videos/${video}/captions/en`, asha.accessToken).expect(404);
  });

  it("takes them away once when it is sent many times at once", async () => {
    await putCaptions(asha, video, "en").expect(201);
    const replies = await Promise.all(
      Array.from({ length: 5 }, () =>
        api("delete", `/videos/${video}/captions/en`, asha.accessToken).then((reply) => reply),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 404, 404, 404, 404]);
  });
});

describe("a video's captions", () => {
  it("are hidden with it, files too", async () => {
    const { body } = await putCaptions(asha, video, "en").expect(201);
    await api("patch", `/videos/toggle/publish/${video}`, asha.accessToken).expect(200);
    for (const token of [undefined, ravi.accessToken]) {
      await api("get", `/videos/${video}/captions`, token).expect(404);
      await api("get", `/videos/${video}/captions/en`, token).expect(404);
      await api("get", mediaPath(body.data.url as string), token).expect(404);
    }
    const [entry] = await listed(asha.accessToken);
    expect(await played(entry!, asha.accessToken)).toBe(CAPTIONS);
  });

  it("go with it, files too", async () => {
    await putCaptions(asha, video, "en").expect(201);
    await putCaptions(asha, video, "hi").expect(201);
    await api("delete", `/videos/${video}`, asha.accessToken).expect(200);
    expect(await filesIn(join("media", "videos", video))).toEqual([]);
  });

  it("are none for a video from before there were any", async () => {
    const _id = new Types.ObjectId(video);
    await Video.collection.updateOne({ _id }, { $unset: { captions: 1 } });
    expect(await listed()).toEqual([]);
    const page = await api("get", `/videos/${video}`).expect(200);
    expect(page.body.data.captions).toEqual([]);
    await putCaptions(asha, video, "en").expect(201);
    expect(await listed()).toHaveLength(1);
  });
});
