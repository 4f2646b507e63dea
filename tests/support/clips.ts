import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { locateFfmpeg, type FfmpegTools } from "../../src/services/ffmpeg";

export interface ClipOptions {
  /** 1 when left out. */
  seconds?: number;
  /** 64 by 48 when left out. */
  width?: number;
  height?: number;
  /** Frames a second; 25 when left out. */
  rate?: number;
  /** A sine tone as sound; false when left out. */
  audio?: boolean;
  /** True when left out. */
  video?: boolean;
  /** `mp4` when left out. */
  container?: "mp4" | "mov" | "webm" | "mkv";
  /** Whether the header stands before the media data, as for streaming. */
  faststart?: boolean;
  /** Degrees a player has to turn the picture, only in mp4 and mov. */
  rotate?: 90;
  /** Further output options of ffmpeg. */
  extra?: string[];
}

let folder: string | undefined;
let tools: Promise<FfmpegTools> | undefined;
const made = new Map<string, Promise<string>>();

afterAll(async () => {
  if (folder) {
    await rm(folder, { recursive: true });
  }
});

/** The ffmpeg the tests use. */
export function clipTools(): Promise<FfmpegTools> {
  tools ??= locateFfmpeg();
  return tools;
}

/**
 * A small real video of moving test bars. The same options give the same file, alone in a folder of
 * its own, which lives until the test file ends: copy it before changing it or giving it away.
 */
export function makeClip(options: ClipOptions = {}): Promise<string> {
  const name = createHash("md5").update(JSON.stringify(options)).digest("hex").slice(0, 8);
  const known = made.get(name) ?? encode(options, name);
  made.set(name, known);
  return known;
}

async function encode(options: ClipOptions, name: string): Promise<string> {
  const { container = "mp4", rotate } = options;
  folder ??= mkdtempSync(join(tmpdir(), "clips-"));
  mkdirSync(join(folder, name));
  const path = join(folder, name, `clip.${container}`);
  const { ffmpeg } = await clipTools();
  await promisify(execFile)(ffmpeg, [...commandLine(options), path]);
  if (rotate) {
    await turn(path);
  }
  if (!existsSync(path)) {
    throw new Error("ffmpeg has made no clip");
  }
  return path;
}

function commandLine(options: ClipOptions): string[] {
  const { seconds = 1, width = 64, height = 48, rate = 25 } = options;
  const { audio = false, video = true, container = "mp4", faststart = false } = options;
  const codecs =
    container === "webm"
      ? ["-c:v", "libvpx", "-b:v", "200k", "-c:a", "libvorbis", "-ac", "2"]
      : ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"];
  const bars = `testsrc=size=${width}x${height}:rate=${rate}:duration=${seconds}`;
  return [
    ...["-nostdin", "-v", "error", "-y"],
    ...(video ? ["-f", "lavfi", "-i", bars] : []),
    ...(audio ? ["-f", "lavfi", "-i", `sine=duration=${seconds}`] : []),
    ...codecs,
    // Odd sizes exist only without colour subsampling.
    ...["-pix_fmt", (width | height) & 1 ? "yuv444p" : "yuv420p"],
    ...(faststart ? ["-movflags", "faststart"] : []),
    ...(options.extra ?? []),
  ];
}

/** Writes the matrix of a quarter turn into the track header (ISO/IEC 14496-12 section 8.3.2). */
async function turn(path: string): Promise<void> {
  const bytes = await readFile(path);
  const matrix = bytes.indexOf("tkhd") - 4 + 48;
  [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000].forEach((value, index) => {
    bytes.writeInt32BE(value, matrix + 4 * index);
  });
  await writeFile(path, bytes);
}
