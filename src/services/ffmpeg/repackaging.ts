import { createInterface } from "node:readline";
import type { FragmentHeader } from "./boxes";
import { readFragments, type FragmentSink } from "./fragments";
import type { FfmpegTools } from "./locate";
import { MediaError } from "../MediaError";
import { stream, type MediaTaskOptions } from "./process";
import { COPIED_VIDEO, FRAGMENTED, SEGMENT_SECONDS } from "./recipes";
import type { Rendition } from "./renditions";
import { framesPerSecond, type MediaSource } from "./source";

/** Seconds between key frames up to which seeking is quick; a little more, as clocks round. */
const MAX_KEY_FRAME_INTERVAL = 10.5;
/** Seconds by which the stream may begin late or differ from the whole in length. */
const MAX_LATE = 0.1;
const MAX_DIFFERENCE = 0.5;
/** How much more than the encoder's limit the source may need before it is too much for viewers. */
const MAX_EXCESS = 2;
const TIMEOUT = 10 * 60_000;

/**
 * The times at which segments of the source's own video begin, when browsers can play it as it is:
 * with closed groups of pictures of at most some 10 seconds, a constant size and a steady rate.
 * Null when it has to be encoded anew. Every packet is read and every key frame decoded.
 */
export async function findCuts(
  tools: FfmpegTools,
  file: string,
  source: MediaSource,
  rendition: Rendition,
  options: MediaTaskOptions,
): Promise<number[] | null> {
  if (!source.isPlayableVideo) {
    return null;
  }
  try {
    const cuts = await readCuts(tools, file, source, rendition, options);
    return cuts && (await isSteady(tools, file, source, options)) ? cuts : null;
  } catch (error) {
    if (error instanceof MediaError) {
      return null;
    }
    throw error;
  }
}

async function readCuts(
  tools: FfmpegTools,
  file: string,
  source: MediaSource,
  rendition: Rendition,
  options: MediaTaskOptions,
): Promise<number[] | null> {
  const survey = new Survey(framesPerSecond(source.rate));
  const task = {
    ...options,
    program: "ffmpeg",
    inputOptions: ["-f", source.demuxer],
    file,
    outputOptions: [...COPIED_VIDEO, ...FRAGMENTED],
    timeout: TIMEOUT,
  } as const;
  await stream(tools, task, (output) => readFragments(output, survey));
  const isLight = survey.bits <= MAX_EXCESS * rendition.maxBitrate * source.duration;
  const isWhole = Math.abs(survey.end - source.duration) < MAX_DIFFERENCE;
  return survey.isPlayable && isLight && isWhole
    ? survey.cuts.filter((cut) => cut === 0 || survey.end - cut > 1)
    : null;
}

/** Learns from the fragments, which are the source's groups of pictures, in constant memory. */
class Survey implements FragmentSink {
  readonly cuts: number[] = [];
  bits = 0;
  end = 0;
  isPlayable = true;

  constructor(readonly rate: number) {}

  onHeader(): Promise<void> {
    return Promise.resolve();
  }

  onFragment(_bytes: Buffer, fragment: FragmentHeader): Promise<void> {
    const last = this.cuts.at(-1);
    if (last === undefined) {
      this.isPlayable &&= fragment.start < MAX_LATE;
      this.cuts.push(0);
    } else if (fragment.start >= last + SEGMENT_SECONDS - 0.5 / this.rate) {
      this.cuts.push(fragment.start);
    }
    this.isPlayable &&= this.#isPlayable(fragment);
    this.end = fragment.start + fragment.duration;
    return Promise.resolve();
  }

  onData(bytes: Buffer): Promise<void> {
    this.bits += 8 * bytes.length;
    return Promise.resolve();
  }

  /** The clock of a Matroska file rounds to a thousandth, so that frames seem to differ a little. */
  #isPlayable({ isIndependent, duration, shortestSample, longestSample }: FragmentHeader): boolean {
    return (
      isIndependent &&
      duration <= MAX_KEY_FRAME_INTERVAL &&
      shortestSample * this.rate > 0.75 &&
      longestSample * this.rate < 1.25
    );
  }
}

/** Whether all key frames can be decoded and have one size, without interlaced ones among them. */
async function isSteady(
  tools: FfmpegTools,
  file: string,
  source: MediaSource,
  options: MediaTaskOptions,
): Promise<boolean> {
  const kinds = new Set<string>();
  const task = {
    ...options,
    program: "ffprobe",
    inputOptions: [
      ...["-f", source.demuxer, "-select_streams", "V:0", "-skip_frame", "nokey"],
      ...["-show_entries", "frame=width,height,interlaced_frame", "-of", "csv=p=0"],
    ],
    file,
    timeout: TIMEOUT,
  } as const;
  await stream(tools, task, async (output) => {
    for await (const line of createInterface({ input: output })) {
      // Side data leave an empty field at the end of a line, and empty lines.
      kinds.add(line.replace(/,+$/, ""));
    }
  });
  kinds.delete("");
  return kinds.size === 1 && [...kinds][0] === `${source.width},${source.height},0`;
}
