import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, extname, join } from "node:path";
import { chromium, type Browser } from "playwright-core";

/** Debian's: unlike the one that Playwright loads it decodes H.264 and AAC. */
const CHROMIUM = "/usr/bin/chromium";
const FOLDER = join(__dirname, "player");
const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mp4": "video/mp4",
};

/** What is shown, read from the picture itself. */
interface Shown {
  time: number;
  height: number;
}

interface ShownCaptions {
  language: string;
  label: string;
  text: string;
  start: number;
}

/** What `player.js` offers as the global `player` of its page. */
export interface Player {
  signIn(url: string, username: string, password: string): Promise<void>;
  upload(by: "form" | "tus", fields: Record<string, string>): Promise<string>;
  follow(id: string): Promise<string[]>;
  togglePublish(id: string): Promise<void>;
  open(url: string): Promise<number[]>;
  playToEnd(): Promise<{ time: number; soundBytes: number }>;
  seek(time: number): Promise<Shown>;
  choose(height: number): Promise<Shown>;
  showCaptions(): Promise<ShownCaptions>;
  showTrack(video: object): Promise<ShownCaptions>;
  playUntilRefused(): Promise<number | null>;
}

/** `describe` where there is a browser that plays videos; elsewhere it says why it is left out. */
export function describePlayback(name: string, tests: () => void): void {
  if (existsSync(CHROMIUM)) {
    describe(name, tests);
  } else {
    process.stderr.write(`${name}: left out, there is no ${CHROMIUM}\n`);
    describe.skip(name, tests);
  }
}

export function startBrowser(): Promise<Browser> {
  const args = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/** The page of a player on an origin of its own, and the clip that it uploads. */
export interface PlayerPage {
  origin: string;
  stop(): Promise<void>;
}

export async function servePlayer(clip: string): Promise<PlayerPage> {
  const files: Record<string, string> = {
    "/": join(FOLDER, "index.html"),
    "/player.js": join(FOLDER, "player.js"),
    "/hls.js": require.resolve("hls.js/dist/hls.min.js"),
    "/tus.js": join(dirname(require.resolve("tus-js-client/package.json")), "dist/tus.min.js"),
    "/clip.mp4": clip,
  };
  const server = createServer((req, res) => {
    const path = files[req.url!];
    if (path === undefined) {
      res.writeHead(404).end();
      return;
    }
    res.writeHead(200, { "Content-Type": TYPES[extname(path)] });
    readFile(path).then(
      (bytes) => res.end(bytes),
      () => res.destroy(),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
