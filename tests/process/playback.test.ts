import type { Browser, Page } from "playwright-core";
import { makeClip } from "../support/clips";
import { call, login, newName, PASSWORD, register, type Reply } from "../support/client";
import {
  describePlayback,
  servePlayer,
  startBrowser,
  type Player,
  type PlayerPage,
} from "../support/player";
import { scratchFolder, startServer, type RunningServer } from "../support/server";

jest.setTimeout(240_000);

/** In the page, for what is evaluated there. */
declare const player: Player;

const SECONDS = 10;
/** Of the clip and of the step below it. */
const HEIGHTS = [240, 360];
const CAPTIONS = `WEBVTT\n\n00:00:00.000 --> 00:00:${SECONDS}.000\nOn the road\n`;

let site: PlayerPage;
let server: RunningServer;
let browser: Browser;
let username: string;

/** A page in a browser that has seen nothing before: no cookies, nothing cached. */
async function newPage(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(site.origin);
  return page;
}

async function signedInPage(): Promise<Page> {
  const page = await newPage();
  await page.evaluate(
    ([url, name, secret]) => player.signIn(url!, name!, secret!),
    [server.url, username, PASSWORD],
  );
  return page;
}

/** Uploads the clip, follows what is told until processing has ended, and reads the video as its owner. */
async function uploaded(page: Page, by: "form" | "tus", fields: Record<string, string>) {
  const id = await page.evaluate(([way, said]) => player.upload(way, said), [by, fields] as const);
  await putCaptions(id);
  const states = await page.evaluate((video) => player.follow(video), id);
  const { body } = await asOwner(`/videos/${id}`);
  return { id, states, video: body.data };
}

async function asOwner(path: string, init: RequestInit = {}): Promise<Reply> {
  const { body } = await login(server.url, username);
  const headers = { Authorization: `Bearer ${body.data.accessToken}` };
  return call(server.url + path, { ...init, headers });
}

async function putCaptions(id: string): Promise<void> {
  const body = new FormData();
  body.set("label", "English");
  body.set("captions", new Blob([CAPTIONS]), "en.vtt");
  expect((await asOwner(`/videos/${id}/captions/en`, { method: "PUT", body })).status).toBeLessThan(
    300,
  );
}

describePlayback("a frontend on an origin of its own, in Chromium with hls.js", () => {
  let owner: Page;
  let published: Awaited<ReturnType<typeof uploaded>>;

  beforeAll(async () => {
    const size = { width: 640, height: 360, seconds: SECONDS };
    // A key frame every two seconds: segments begin with key frames.
    const clip = await makeClip({ ...size, audio: true, extra: ["-g", "50"] });
    site = await servePlayer(clip);
    server = await startServer({ DATA_DIR: scratchFolder(), CORS_ORIGIN: site.origin });
    browser = await startBrowser();
    username = newName();
    await register(server.url, username);
    owner = await signedInPage();
    published = await uploaded(owner, "tus", { title: "A walk" });
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await site?.stop();
  });

  it("uploads by tus and hears of each change until the video is ready", () => {
    const { states, video } = published;
    expect(states.at(-1)).toBe("ready");
    expect(states.length).toBeGreaterThan(1);
    expect(video).toMatchObject({ title: "A walk", hls: expect.stringMatching(/\.m3u8$/) });
  });

  it("plays to the end, with sound", async () => {
    const page = await newPage();
    expect(await page.evaluate((url) => player.open(url), published.video.hls)).toEqual(HEIGHTS);
    const { time, soundBytes } = await page.evaluate(() => player.playToEnd());
    expect(time).toBeCloseTo(SECONDS, 0);
    expect(soundBytes).toBeGreaterThan(0);
  });

  it.each([9, 0.4, 5])("shows the picture of second %d when it seeks there", async (time) => {
    const page = await newPage();
    await page.evaluate((url) => player.open(url), published.video.hls);
    const shown = await page.evaluate((second) => player.seek(second), time);
    expect(Math.abs(shown.time - time)).toBeLessThan(0.05);
  });

  it("changes the rendition up and down while it plays", async () => {
    const page = await newPage();
    await page.evaluate((url) => player.open(url), published.video.hls);
    for (const height of [360, 240, 360]) {
      expect(await page.evaluate((one) => player.choose(one), height)).toMatchObject({ height });
    }
  });

  it("shows captions, from the master playlist and by a track element", async () => {
    const { video } = published;
    const page = await newPage();
    await page.evaluate((url) => player.open(url), video.hls);
    const expected = { language: "en", label: "English", text: "On the road", start: 0 };
    expect(await page.evaluate(() => player.showCaptions())).toEqual(expected);
    const plain = await newPage();
    expect(await plain.evaluate((one) => player.showTrack(one), video)).toEqual(expected);
  });

  it("is refused the next part when the video is taken back while it plays", async () => {
    const { id, video } = await uploaded(owner, "form", { title: "Taken back" });
    const page = await newPage();
    await page.evaluate((url) => player.open(url), video.hls);
    await owner.evaluate((one) => player.togglePublish(one), id);
    expect(await page.evaluate(() => player.playUntilRefused())).toBe(404);
  });

  it("plays an unpublished video by the address that its owner was told, and by no other", async () => {
    const fields = { title: "Private", isPublished: "false" };
    const { states, video } = await uploaded(owner, "form", fields);
    expect(states.at(-1)).toBe("ready");
    const page = await newPage();
    expect(await page.evaluate((url) => player.open(url), video.hls)).toEqual(HEIGHTS);
    const { time } = await page.evaluate(() => player.playToEnd());
    expect(time).toBeCloseTo(SECONDS, 0);
    const open = video.hls.replace(/signed\/[^/]+\//, "");
    expect(open).not.toBe(video.hls);
    expect((await call(open)).status).toBe(404);
  });
});
