import { mkdtemp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  framesPerSecond,
  locateFfmpeg,
  makeAudioTrack,
  makeVideoTrack,
  masterPlaylist,
  measureTrack,
  mediaPlaylist,
  planHls,
  type FfmpegTools,
  type HlsTrack,
  type MasterContents,
} from "../../src/services/ffmpeg";
import { playHls } from "./hls";

let packaged: Promise<FfmpegTools> | undefined;

/** The ffmpeg that every installation has, the oldest one that has to do. */
export function packagedTools(): Promise<FfmpegTools> {
  packaged ??= locateFfmpeg({ searchPath: "" });
  return packaged;
}

/** Makes the HLS of a video with all its playlists, in a new folder beside it, and plays it. */
export async function convert(file: string, tools?: FfmpegTools) {
  tools ??= await packagedTools();
  const plan = await planHls(tools, file);
  const out = await mkdtemp(join(dirname(file), "out-"));
  const keep = async (name: string, make: (output: string) => Promise<HlsTrack>) => {
    const track = await make(join(out, `${name}.mp4`));
    await writeFile(join(out, `${name}.m3u8`), mediaPlaylist(track, `${name}.mp4`));
    return { uri: `${name}.m3u8`, ...measureTrack(track) };
  };
  const renditions: MasterContents["renditions"] = [];
  for (const rendition of plan.renditions) {
    const { name, width, height, rate } = rendition;
    const kept = await keep(name, (output) => makeVideoTrack(tools, file, plan, rendition, output));
    renditions.push({ ...kept, width, height, frameRate: framesPerSecond(rate) });
  }
  const audio =
    plan.audio && (await keep("audio", (output) => makeAudioTrack(tools, file, plan, output)));
  const master = join(out, "master.m3u8");
  await writeFile(master, masterPlaylist({ renditions, audio, subtitles: [] }));
  return { plan, out, ...(await playHls(master)) };
}
