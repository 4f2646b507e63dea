import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import {
  extractThumbnail,
  makeAudioTrack,
  makePosters,
  makeStoryboard,
  makeVideoTrack,
  planHls,
  probeVideo,
  type FfmpegTools,
  type HlsPlan,
} from "../../src/services/ffmpeg";
import { run } from "../../src/services/ffmpeg/process";
import { clipTools, makeClip } from "../support/clips";
import { hostileFiles } from "../support/hostile-media";

let tools: FfmpegTools;
let plan: HlsPlan;
let transport: string;
let folder: string;
let file: string;
let out: string;
let hits = 0;
const listener = http.createServer((_request, response) => {
  hits += 1;
  response.end();
});

const refused = (code: string) => expect.objectContaining({ name: "MediaError", code });

beforeAll(async () => {
  tools = await clipTools();
  plan = await planHls(tools, await makeClip({ seconds: 2, audio: true }));
  transport = join(dirname(await makeClip({ seconds: 2 })), "clip.ts");
  await promisify(execFile)(tools.ffmpeg, [
    ...["-nostdin", "-v", "error", "-i", await makeClip({ seconds: 2 }), "-c", "copy"],
    ...["-bsf:v", "h264_mp4toannexb", transport],
  ]);
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
});

/** The upload stands beside files that are not its own. */
beforeEach(async () => {
  hits = 0;
  folder = await mkdtemp(join(tmpdir(), "hostile-"));
  file = join(folder, "upload.mp4");
  out = join(folder, "out");
  await mkdir(out);
  await copyFile(await makeClip({ seconds: 2 }), join(folder, "neighbour.mp4"));
  await copyFile(transport, join(folder, "neighbour.ts"));
  await writeFile(join(folder, "canary.txt"), "CANARY");
});

afterEach(() => rm(folder, { recursive: true }));

afterAll(() => new Promise((resolve) => listener.close(resolve)));

const attacks = Object.keys(hostileFiles("", ""));
const upload = (name: string) => {
  const origin = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return writeFile(file, hostileFiles(origin, folder)[name]!);
};

describe("a text file named .mp4", () => {
  it.each(attacks)("is refused by its content as %s", async (name) => {
    await upload(name);
    for (const attempt of [
      () => probeVideo(tools, file),
      () => extractThumbnail(tools, file, join(out, "thumbnail.webp")),
      () => planHls(tools, file),
    ]) {
      await expect(attempt()).rejects.toEqual(refused("MEDIA_UNSUPPORTED"));
    }
    expect(await readdir(out)).toEqual([]);
    expect(hits).toBe(0);
  });

  it.each(attacks)("is not converted by another's plan as %s", async (name) => {
    await upload(name);
    const [rendition] = plan.renditions;
    for (const isCopy of [true, false]) {
      const picture = { ...rendition!, isCopy };
      const pictures = makeVideoTrack(tools, file, plan, picture, join(out, "v.mp4"));
      await expect(pictures).rejects.toEqual(refused("MEDIA_UNREADABLE"));
      const audio = isCopy ? ("copy" as const) : ("encode" as const);
      const sound = makeAudioTrack(tools, file, { ...plan, audio }, join(out, "a.mp4"));
      await expect(sound).rejects.toEqual(refused("MEDIA_UNREADABLE"));
    }
    const { source } = plan;
    const posters = makePosters(tools, file, source, out);
    await expect(posters).rejects.toEqual(refused("MEDIA_UNREADABLE"));
    const board = { sprite: join(out, "s.jpg"), index: join(out, "s.vtt"), spriteName: "s.jpg" };
    const storyboard = makeStoryboard(tools, file, source, board);
    await expect(storyboard).rejects.toEqual(refused("MEDIA_UNREADABLE"));
    expect(await readdir(out)).toEqual([]);
    expect(hits).toBe(0);
  });

  it.each(attacks)("opens nothing even past the type check as %s", async (name) => {
    await upload(name);
    for (const program of ["ffprobe", "ffmpeg"] as const) {
      const outputOptions = program === "ffmpeg" ? ["-c", "copy", "-f", "mpegts", "-"] : [];
      const inputOptions = program === "ffmpeg" ? [] : ["-show_packets", "-show_data"];
      const task = { program, inputOptions, file, outputOptions, timeout: 10_000, maxOutput: 1e6 };
      await expect(run(tools, task)).rejects.toEqual(refused("MEDIA_UNREADABLE"));
      for (const demuxer of ["mov", "matroska"]) {
        const forced = run(tools, { ...task, inputOptions: ["-f", demuxer, ...inputOptions] });
        const seen = await forced.then(String, (error) => String(error.cause?.message));
        expect(seen).not.toContain("CANARY");
        expect(seen).not.toContain("[PACKET]");
      }
    }
    expect(hits).toBe(0);
  });

  it("is what stands between ffprobe and an ffconcat list of a neighbour file", async () => {
    await writeFile(file, "ffconcat version 1.0\nfile neighbour.mp4\n");
    const args = [
      "-v",
      "error",
      "-protocol_whitelist",
      "file",
      "-show_entries",
      "stream=width",
      file,
    ];
    const { stdout } = await promisify(execFile)(tools.ffprobe, args, { cwd: folder });
    expect(stdout).toContain("width=64");
  });
});
