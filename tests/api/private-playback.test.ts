import { config } from "../../src/config/env";
import { issueTicket } from "../../src/utils/media-ticket";
import { api, useApi } from "../support/api";
import { putCaptions } from "../support/captions";
import { makeClip } from "../support/clips";
import { newPerson, type Person } from "../support/people";
import { processed, whileWorking } from "../support/processing";
import { loadStream } from "../support/stream";

useApi();

let asha: Person;
let id: string;
/** Every address of the unpublished video's files, as its owner is told them. */
let urls: string[];

beforeAll(async () => {
  asha = await newPerson();
  const { body } = await api("post", "/videos", asha.accessToken)
    .field({ title: "A walk", isPublished: "false" })
    .attach("videoFile", await makeClip({ seconds: 8, audio: true }))
    .expect(201);
  id = body.data._id;
  await putCaptions(asha, id, "en").expect(201);
  expect((await whileWorking(() => processed(id))).state).toBe("ready");
  urls = await addresses(asha.accessToken);
});

/** All that a video's page and its playlists lead to; each address has answered 200 without a cookie. */
async function addresses(token?: string): Promise<string[]> {
  const { data } = (await api("get", `/videos/${id}`, token).expect(200)).body;
  const posters = (data.posters as { url: string }[]).map(({ url }) => url);
  const captions = (data.captions as { url: string }[]).map(({ url }) => url);
  const stream = await loadStream(data.hls as string);
  const storyboard = data.storyboard as string;
  const sprite = /^\S+(?=#xywh=)/m.exec(await (await fetch(storyboard)).text())![0];
  const files = [data.videoFile, data.thumbnail, storyboard, ...posters, ...captions] as string[];
  return [...files, new URL(sprite, storyboard).href, ...stream.urls];
}

async function statuses(list: string[]): Promise<number[]> {
  const replies = await Promise.all(list.map((url) => fetch(url)));
  await Promise.all(replies.map((reply) => reply.arrayBuffer()));
  return [...new Set(replies.map(({ status }) => status))];
}

const plain = (url: string) => url.replace(/\/signed\/[^/]+/, "");
const kinds = (list: string[]) => new Set(list.map((url) => url.split(".").at(-1)));
const code = async (url: string) => ((await (await fetch(url)).json()) as { code: string }).code;

describe("the files of an unpublished video", () => {
  it("have signed addresses, which need no cookie and are kept by no cache", async () => {
    expect(kinds(urls)).toEqual(new Set(["mp4", "webp", "jpg", "vtt", "m3u8", "m4s"]));
    for (const url of urls) {
      expect(url).toMatch(/\/api\/v1\/media\/signed\/[^/]+\/videos\//);
      const reply = await fetch(url);
      await reply.arrayBuffer();
      expect([reply.status, reply.headers.get("cache-control")]).toEqual([
        200,
        "private, no-store",
      ]);
    }
  });

  it("have no plain address, not even for their owner", async () => {
    expect(await statuses(urls.map(plain))).toEqual([404]);
    const headers = { Authorization: `Bearer ${asha.accessToken}` };
    for (const url of urls) {
      expect((await fetch(plain(url), { headers })).status).toBe(404);
    }
  });

  it("are refused when any character of the ticket is another", async () => {
    const [before, ticket = "", after] = urls[0]!.split(/(?<=\/signed\/)([^/]+)/);
    const changed = [...ticket].flatMap((letter, i) =>
      ["a", "b", "0"]
        .filter((other) => other !== letter && letter !== ".")
        .map((other) => `${before}${ticket.slice(0, i)}${other}${ticket.slice(i + 1)}${after}`),
    );
    // The last letter holds more bits than the signature needs.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = [...alphabet].filter((letter) => letter !== ticket.at(-1));
    const ends = last.map((letter) => `${before}${ticket.slice(0, -1)}${letter}${after}`);
    expect(await statuses([...changed, ...ends])).toEqual([403]);
    expect(await code(ends[0]!)).toBe("MEDIA_LINK_INVALID");
  });

  it("are not opened by the ticket of another video", async () => {
    const ticket = issueTicket("videos/" + "0".repeat(24), 1000, config.auth.accessTokenSecret);
    const others = urls.map((url) => url.replace(/(?<=\/signed\/)[^/]+/, ticket));
    expect(await statuses(others)).toEqual([403]);
  });

  it("are refused once the ticket has expired, with a code that says so", async () => {
    const now = Date.now();
    jest.spyOn(Date, "now").mockReturnValue(now - 3 * config.media.urlTtl);
    const old = issueTicket(`videos/${id}`, config.media.urlTtl, config.auth.accessTokenSecret);
    jest.restoreAllMocks();
    const expired = urls.map((url) => url.replace(/(?<=\/signed\/)[^/]+/, old));
    expect(await statuses(expired)).toEqual([403]);
    expect(await code(expired[0]!)).toBe("MEDIA_LINK_EXPIRED");
  });

  it("keep their address while the ticket is good, so that a player is not interrupted", async () => {
    const { data } = (await api("get", `/videos/${id}`, asha.accessToken).expect(200)).body;
    expect(urls).toContain(data.hls);
  });
});

describe("the files of a published video", () => {
  it("are everybody's and may be kept for ever, until it is taken back", async () => {
    const toggle = () => api("patch", `/videos/toggle/publish/${id}`, asha.accessToken).expect(200);
    await toggle();
    const open = await addresses();
    expect(open.sort()).toEqual(urls.map(plain).sort());
    for (const url of open) {
      const reply = await fetch(url);
      await reply.arrayBuffer();
      expect(reply.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    }
    await toggle();
    expect(await statuses(open)).toEqual([404]);
  });
});

describe("the master playlist", () => {
  it("has another address when captions change, and whoever holds the old one plays on with them", async () => {
    const read = async () =>
      (await api("get", `/videos/${id}`, asha.accessToken).expect(200)).body.data.hls as string;
    const old = await read();
    await putCaptions(asha, id, "hi").expect(201);
    const current = await read();
    expect(current).not.toBe(old);
    const [before, now] = await Promise.all([fetch(old), fetch(current)]);
    expect([before.status, now.status]).toEqual([200, 200]);
    const text = await now.text();
    expect(text).toContain('LANGUAGE="hi"');
    expect(await before.text()).toBe(text);
    expect(before.headers.get("cache-control")).toBe("private, no-store");
  });
});
