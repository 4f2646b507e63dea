import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Types } from "mongoose";
import { config } from "../config/env";
import type { JobDocument } from "../models/job.model";
import {
  outputsOf,
  Video,
  type StoredHls,
  type StoredPoster,
  type StoredStoryboard,
  type StoredTrack,
} from "../models/video.model";
import { ffmpegTools, storage } from "../services";
import {
  framesPerSecond,
  makeAudioTrack,
  makePosters,
  makeStoryboard,
  makeVideoTrack,
  measureTrack,
  mediaPlaylist,
  planHls,
  type FfmpegTools,
  type HlsPlan,
  type HlsTrack,
  type Rendition,
} from "../services/ffmpeg";
import { MEDIA_TYPES } from "../services/media-type";
import { makePrivateFolder } from "../utils/private-folder";
import { sideBySide } from "../utils/side-by-side";
import { newKey, saveWithFiles, type NewFile } from "./files";
import { completeJob, LeaseLost } from "./queue";
import type { JobContext } from "./worker";

/**
 * Makes what adaptive playback needs of an uploaded video: renditions, posters and a storyboard.
 * Everything is made in a private folder, checked, stored under new keys, and becomes visible by
 * one write. Throws MediaError for a file that cannot be processed; any other error may pass.
 */
export async function processVideo(job: JobDocument, context: JobContext): Promise<void> {
  const video = await Video.findById(job.target);
  if (!video) {
    throw new LeaseLost("The video was removed, its job with it");
  }
  const folder = await makePrivateFolder(config.workFolder);
  try {
    const outputs = new Outputs(video._id, join(folder, "outputs"));
    const made = await makeAll(folder, video.videoFile, outputs, context);
    context.report("store", 0);
    await saveWithFiles(outputs.files, (drop) =>
      completeJob(job, async (session) => {
        const before = await Video.findOneAndUpdate(
          { _id: video._id },
          { $set: made },
          { session, returnDocument: "before", timestamps: false },
        );
        for (const key of before ? outputsOf(before) : []) {
          await drop(key, session);
        }
      }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Made {
  hls: StoredHls;
  posters: StoredPoster[];
  storyboard: StoredStoryboard;
}

async function makeAll(
  folder: string,
  original: string,
  outputs: Outputs,
  context: JobContext,
): Promise<Made> {
  context.report("inspect", 0);
  const tools = await ffmpegTools();
  await mkdir(outputs.folder);
  // Alone in a folder of its own: a file that refers to others finds none.
  await mkdir(join(folder, "source"));
  const file = join(folder, "source", basename(original));
  await storage.download(original, file);
  const plan = await planHls(tools, file, inBackground(context.signal));
  context.report("inspect", 1);
  return new VideoWork(tools, file, plan, outputs, context).make();
}

/** Viewers wait for the API, but nobody for this. */
function inBackground(signal: AbortSignal) {
  return { signal, isBackground: true };
}

/** The files made so far, each under the key that it is going to be stored by. */
class Outputs {
  readonly files: NewFile[] = [];

  constructor(
    readonly video: Types.ObjectId,
    readonly folder: string,
  ) {}

  /** A new file, written already under the given name or else to be written under that of its key. */
  add(extension: string, name?: string): NewFile {
    const key = newKey("videos", this.video, extension);
    const path = join(this.folder, name ?? basename(key));
    const file = { key, path, contentType: MEDIA_TYPES[extension]! };
    this.files.push(file);
    return file;
  }
}

/** The making of one video's outputs. */
class VideoWork {
  constructor(
    readonly tools: FfmpegTools,
    readonly file: string,
    readonly plan: HlsPlan,
    readonly outputs: Outputs,
    readonly context: JobContext,
  ) {}

  /** First what keeps only one processor busy each, then the renditions from the smallest on. */
  async make(): Promise<Made> {
    const [posters, storyboard, audio] = await sideBySide(
      [
        (stop) => this.#posters(stop),
        (stop) => this.#storyboard(stop),
        (stop) => this.#audio(stop),
      ],
      this.context.signal,
    );
    const renditions = await this.#renditions();
    return { posters, storyboard, hls: { renditions, audio } };
  }

  async #posters(signal: AbortSignal): Promise<StoredPoster[]> {
    const { tools, file, plan, context } = this;
    context.report("posters", 0);
    const posters = await makePosters(
      tools,
      file,
      plan.source,
      this.outputs.folder,
      inBackground(signal),
    );
    context.report("posters", 1);
    return posters.map(({ name, width, height, format }) => {
      const { key } = this.outputs.add(format === "jpeg" ? "jpg" : format, name);
      return { key, width, height };
    });
  }

  async #storyboard(signal: AbortSignal): Promise<StoredStoryboard> {
    const { tools, file, plan, context } = this;
    context.report("storyboard", 0);
    const sprite = this.outputs.add("jpg");
    const index = this.outputs.add("vtt");
    const output = { sprite: sprite.path, index: index.path, spriteName: basename(sprite.key) };
    await makeStoryboard(tools, file, plan.source, output, inBackground(signal));
    context.report("storyboard", 1);
    return { index: index.key, sprite: sprite.key };
  }

  /** The sound, which all renditions share. */
  async #audio(signal: AbortSignal): Promise<StoredTrack | null> {
    const { tools, file, plan } = this;
    if (plan.audio === null) {
      return null;
    }
    const output = this.outputs.add("mp4");
    return this.#stored(
      output,
      await makeAudioTrack(tools, file, plan, output.path, inBackground(signal)),
    );
  }

  async #renditions(): Promise<StoredHls["renditions"]> {
    const renditions: StoredHls["renditions"] = [];
    this.context.report("renditions", 0);
    for (const rendition of this.plan.renditions) {
      renditions.push(await this.#rendition(rendition));
    }
    this.context.report("renditions", 1);
    return renditions;
  }

  async #rendition(rendition: Rendition): Promise<StoredHls["renditions"][number]> {
    const { tools, file, plan } = this;
    const output = this.outputs.add("mp4");
    const options = {
      ...inBackground(this.context.signal),
      onProgress: (part: number) => this.context.report("renditions", this.#share(rendition, part)),
    };
    const track = await makeVideoTrack(tools, file, plan, rendition, output.path, options);
    const { name, width, height, rate } = rendition;
    const stored = await this.#stored(output, track);
    return { ...stored, name, width, height, frameRate: framesPerSecond(rate) };
  }

  /** Of all renditions' pixels those that are made when the given one has come this far. */
  #share(current: Rendition, part: number): number {
    const { renditions } = this.plan;
    const pixels = (list: Rendition[]) =>
      list.reduce((sum, one) => sum + one.width * one.height, 0);
    const before = renditions.slice(0, renditions.indexOf(current));
    return Math.min(0.99, (pixels(before) + part * pixels([current])) / pixels(renditions));
  }

  async #stored({ key, path }: NewFile, track: HlsTrack): Promise<StoredTrack> {
    const playlist = this.outputs.add("m3u8");
    await writeFile(playlist.path, mediaPlaylist(track, basename(key)));
    const { size } = await stat(path);
    return { file: key, playlist: playlist.key, size, ...measureTrack(track) };
  }
}
