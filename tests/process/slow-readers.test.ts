import { once } from "node:events";
import { openAsBlob } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { pad } from "../bench/clips";
import { call, signedIn } from "../support/client";
import { makeClip } from "../support/clips";
import { scratchFolder, startServer, type RunningServer } from "../support/server";

jest.setTimeout(120_000);

const MB = 1024 ** 2;
const READERS = 40;

async function publish({ url }: RunningServer): Promise<URL> {
  const large = join(scratchFolder(), "large.mp4");
  await pad(await makeClip(), large, 32 * MB);
  const form = new FormData();
  form.set("title", "Large");
  form.set("videoFile", await openAsBlob(large), "large.mp4");
  const headers = await signedIn(url);
  const { body } = await call(`${url}/videos`, { method: "POST", headers, body: form });
  return new URL(body.data.videoFile as string);
}

/** Asks for the file and reads the first bytes of the reply, then nothing more. */
async function stuckReader({ hostname, port, pathname }: URL): Promise<Socket> {
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await once(socket, "readable");
  expect(String(socket.read(15))).toBe("HTTP/1.1 200 OK");
  return socket;
}

/** How often a process has files of a folder open. */
async function openFiles(pid: number, folder: string): Promise<number> {
  const names = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(
    names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => "")),
  );
  return targets.filter((target) => target.startsWith(folder)).length;
}

async function ownMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]);
}

(process.platform === "linux" ? it : it.skip)(
  "clients that stop reading cost neither memory nor others, and leave nothing open",
  async () => {
    const dataDir = scratchFolder();
    const server = await startServer({ DATA_DIR: dataDir, PROCESSING_CONCURRENCY: "0" });
    const pid = server.child.pid!;
    const media = join(dataDir, "media");
    const file = await publish(server);
    const before = await ownMemory(pid);

    const readers = await Promise.all(Array.from({ length: READERS }, () => stuckReader(file)));
    expect(await openFiles(pid, media)).toBe(READERS);
    expect((await call(`${server.url}/healthcheck`)).status).toBe(200);
    expect((await ownMemory(pid)) - before).toBeLessThan(100 * MB);

    readers.forEach((socket) => socket.destroy());
    while ((await openFiles(pid, media)) > 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
);
