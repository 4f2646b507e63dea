import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";
import sharp from "sharp";
import { ffmpegTools } from "../services";

/** A moving picture: a value from 0 (dark) to 1 (light) for each place and moment. */
type Scene = (x: number, y: number, t: number) => number;

/** What a clip shows and how it sounds. */
export interface ClipPlan {
  scene: SceneName;
  colours: readonly string[];
  seconds: number;
  chord: readonly number[];
  /** The moment of the scene that the clip begins with, in seconds. */
  start: number;
}

export type SceneName = keyof typeof SCENES;

/** Frames are painted small and scaled up by ffmpeg: soft pictures lose nothing by it. */
const PAINTED = { width: 160, height: 90 };
const SHOWN = "640:360";
const RATE = 20;
const SHADES = 1024;

/** Coordinates run from -1.78 to 1.78 and from -1 to 1, seconds from 0. */
const SCENES = {
  waves: (x, y, t) =>
    0.5 + (Math.sin(x * 2.6 + t) + Math.sin(y * 3.4 - t * 0.8) + Math.sin((x + y) * 2.2 + t)) / 6,
  ripples: (x, y, t) =>
    0.5 +
    (Math.sin(Math.hypot(x - 0.7, y) * 12 - t * 4) +
      Math.sin(Math.hypot(x + 0.7, y) * 12 - t * 4)) /
      4,
  orbs: (x, y, t) => {
    let field = 0;
    for (let n = 0; n < 5; n += 1) {
      const dx = x - 1.2 * Math.sin(t * (0.5 + n * 0.13) + n * 2.1);
      const dy = y - 0.7 * Math.cos(t * (0.7 - n * 0.09) + n * 1.3);
      field += 0.09 / (dx * dx + dy * dy + 0.03);
    }
    return Math.min(1, field / 2.2);
  },
  aurora: (x, y, t) => {
    const curtain = 0.5 + 0.5 * Math.sin(x * 4 + Math.sin(y * 2.2 + t * 0.7) * 1.4 + t * 0.6);
    const fringe = 0.75 + 0.25 * Math.sin(x * 23 + t * 1.7);
    return 0.95 * curtain * fringe * Math.exp(-((y + 0.25) ** 2) * 1.6);
  },
  tunnel: (x, y, t) => {
    const distance = Math.hypot(x, y) + 0.05;
    const rings = Math.sin(4 / distance + t * 5 + 2 * Math.sin(Math.atan2(y, x) * 3 + t));
    return Math.min(1, (0.5 + 0.5 * rings) * Math.min(1, distance * 1.6));
  },
  spiral: (x, y, t) =>
    0.5 +
    0.5 *
      Math.sin(Math.atan2(y, x) * 3 + Math.log(Math.hypot(x, y) + 0.04) * 5 - t * 2) *
      Math.min(1, Math.hypot(x, y) * 2.5),
  tiles: (x, y, t) => {
    const [sin, cos, zoom] = [Math.sin(t * 0.35), Math.cos(t * 0.35), 5 + 1.6 * Math.sin(t * 0.5)];
    const u = Math.sin((x * cos - y * sin) * zoom);
    const v = Math.sin((x * sin + y * cos) * zoom);
    return 0.5 + 0.5 * Math.tanh(u * v * 5);
  },
  mosaic: (x, y, t) => {
    const [column, row] = [Math.floor((x + 2) * 4.5), Math.floor((y + 2) * 4.5)];
    return 0.5 + 0.5 * Math.sin(column * 1.7 + row * 2.3 + t * (0.8 + ((column * row) % 5) * 0.25));
  },
  dunes: (x, y, t) => {
    let shade = 1;
    for (let n = 0; n < 4; n += 1) {
      const ridge =
        0.5 * n - 0.75 + 0.18 * Math.sin(x * (1.6 + n * 0.5) + t * (0.5 + n * 0.3) + n * 2);
      const depth = y - ridge;
      const sand = 0.78 - n * 0.22 + 0.14 * Math.max(0, 1 - Math.max(0, depth) * 2.5);
      // Blurred by about a pixel, or the edge would show its steps.
      shade += (sand - shade) * Math.max(0, Math.min(1, depth * 35 + 0.5));
    }
    return shade;
  },
} satisfies Record<string, Scene>;

/** Writes the clip as an MP4 that plays while it loads. @throws Error with ffmpeg's words */
export async function renderClip(plan: ClipPlan, path: string): Promise<void> {
  const { ffmpeg } = await ffmpegTools();
  const child = spawn(ffmpeg, commandLine(plan, path), { stdio: ["pipe", "ignore", "pipe"] });
  const messages: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => messages.push(chunk));
  // When ffmpeg ends early, its own words say more than the broken pipe.
  child.stdin.on("error", () => undefined);
  const ended = once(child, "close");
  await Promise.race([paint(plan, child.stdin), ended]);
  const [status] = (await ended) as [number | null];
  if (status !== 0) {
    throw new Error(`ffmpeg has made no clip: ${Buffer.concat(messages).toString("utf8")}`);
  }
}

/** Writes the clip's middle frame as WebP; painted anew, it is sharper than a frame of the file. */
export async function renderThumbnail(plan: ClipPlan, path: string): Promise<void> {
  const { scene, colours, seconds, start } = plan;
  const frame = paintFrame(SCENES[scene], shadesOf(colours), start + seconds / 2);
  await sharp(frame, { raw: { ...PAINTED, channels: 3 } })
    .resize({ width: 640, kernel: "cubic" })
    .webp({ quality: 82 })
    .toFile(path);
}

function commandLine({ seconds, chord }: ClipPlan, path: string): string[] {
  const { width, height } = PAINTED;
  const fade = `afade=in:d=0.4,afade=out:st=${seconds - 0.6}:d=0.6`;
  return [
    ...["-v", "error", "-y"],
    ...["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, "-r", String(RATE)],
    ...["-i", "pipe:0", "-f", "lavfi", "-i", `aevalsrc=${sound(chord)}:s=44100:d=${seconds}`],
    ...["-vf", `scale=${SHOWN}:flags=bicubic`, "-af", fade],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-crf", "24", "-pix_fmt", "yuv420p"],
    ...["-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", path],
  ];
}

/** Each tone swells at a pace of its own, so that the chord breathes. */
function sound(chord: readonly number[]): string {
  const volume = (0.35 / chord.length).toFixed(3);
  return chord
    .map(
      (hz, n) => `${volume}*sin(2*PI*${hz}*t)*(0.7+0.3*sin(2*PI*${(0.2 + n * 0.07).toFixed(2)}*t))`,
    )
    .join("+");
}

async function paint(
  { scene, colours, seconds, start }: ClipPlan,
  output: Writable,
): Promise<void> {
  const palette = shadesOf(colours);
  for (let frame = 0; frame < seconds * RATE; frame += 1) {
    if (!output.write(paintFrame(SCENES[scene], palette, start + frame / RATE))) {
      await once(output, "drain");
    }
  }
  output.end();
}

function paintFrame(scene: Scene, palette: Uint8Array, t: number): Buffer {
  const { width, height } = PAINTED;
  const frame = Buffer.allocUnsafe(width * height * 3);
  for (let at = 0, row = 0; row < height; row += 1) {
    const y = (2 * row) / height - 1;
    for (let column = 0; column < width; column += 1, at += 3) {
      const value = scene(((2 * column) / width - 1) * 1.78, y, t);
      const shade = 3 * Math.max(0, Math.min(SHADES - 1, Math.floor(value * SHADES)));
      frame[at] = palette[shade]!;
      frame[at + 1] = palette[shade + 1]!;
      frame[at + 2] = palette[shade + 2]!;
    }
  }
  return frame;
}

/** The way from the first colour to the last, as bytes of red, green and blue. */
function shadesOf(colours: readonly string[]): Uint8Array {
  const stops = colours.map((colour) => Buffer.from(colour.slice(1), "hex"));
  const shades = new Uint8Array(SHADES * 3);
  for (let n = 0; n < shades.length; n += 1) {
    const place = (Math.floor(n / 3) / (SHADES - 1)) * (stops.length - 1);
    const from = Math.min(Math.floor(place), stops.length - 2);
    const [a, b] = [stops[from]![n % 3]!, stops[from + 1]![n % 3]!];
    shades[n] = Math.round(a + (b - a) * (place - from));
  }
  return shades;
}
