import { availableParallelism } from "node:os";
import type { Rendition } from "./renditions";
import { framesPerSecond, type MediaSource } from "./source";

/** How long segments last about; key frames decide exactly. */
export const SEGMENT_SECONDS = 4;
/** As many threads as help; each needs pictures of its own in memory. */
export const THREADS = Math.min(4, availableParallelism());

/** Bits a second of encoded sound. */
const AUDIO_BITRATE = 160_000;
/** What the sound encoder puts in front of the first sample. */
const PRIMING_SAMPLES = 1024;
const SAMPLE_RATE = 48_000;
/** Seconds after which a fragment ends though no key frame has come: a stream without any fits in no memory. */
const MAX_FRAGMENT = 11;

/** Nothing of the source but pictures and sound: no names, places, dates, chapters or programs. */
const STRIPPED: readonly string[] = [
  ...["-sn", "-dn", "-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1"],
  ...["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"],
];

/**
 * A fragmented MP4 on standard output, a fragment for each group of pictures. Its clock shows the
 * times of the source without an edit list, which players of fragments ignore.
 */
export const FRAGMENTED: readonly string[] = [
  ...["-avoid_negative_ts", "disabled", "-use_editlist", "0"],
  ...["-frag_duration", String(MAX_FRAGMENT * 1e6), "-movflags"],
  "+empty_moov+default_base_moof+frag_keyframe+negative_cts_offsets+frag_discont",
  ...["-f", "mp4", "pipe:1"],
];

/** Sound has a key frame in every packet, so that its fragments go by time alone. */
export const FRAGMENTED_AUDIO: readonly string[] = [
  ...["-avoid_negative_ts", "disabled", "-use_editlist", "0"],
  ...["-frag_duration", String(SEGMENT_SECONDS * 1e6), "-movflags"],
  ...["+empty_moov+default_base_moof+frag_discont", "-f", "mp4", "pipe:1"],
];

/** The source's own pictures. */
export const COPIED_VIDEO: readonly string[] = [
  ...["-map", "0:V:0", "-an", ...STRIPPED, "-c:v", "copy"],
];

/** The source's own sound, without what comes before its time 0. */
export const COPIED_AUDIO: readonly string[] = [
  ...["-map", "0:a:0", "-vn", ...STRIPPED, "-c:a", "copy", "-copypriorss", "0"],
];

/** H.264 in High profile at a constant rate, of 8 bits and 4:2:0, with key frames at `cuts`. */
export function encodedVideo(
  source: MediaSource,
  rendition: Rendition,
  cuts: readonly number[],
): string[] {
  const frames = Math.max(1, Math.round(source.duration * framesPerSecond(rendition.rate)));
  return [
    ...["-map", "0:V:0", "-an", ...STRIPPED, "-vf", videoFilter(source, rendition)],
    ...["-frames:v", String(frames), "-c:v", "libx264", "-preset", "veryfast", "-crf", "22"],
    ...["-profile:v", "high", "-level", String(rendition.level), "-pix_fmt", "yuv420p"],
    ...["-maxrate", String(rendition.maxBitrate), "-bufsize", String(2 * rendition.maxBitrate)],
    ...["-g", "100000", "-sc_threshold", "0", ...keyFrames(rendition, cuts)],
    ...["-threads", String(THREADS)],
  ];
}

/** AAC-LC at 48 kHz, as loud as the source, as long as the pictures and without delay. */
export function encodedAudio(source: MediaSource): string[] {
  const end = Math.max(2 * PRIMING_SAMPLES, Math.round(source.duration * SAMPLE_RATE));
  const filter = [
    `aresample=${SAMPLE_RATE}:async=1:first_pts=0`,
    // ffmpeg's own way from one channel to two is 3 dB quieter.
    source.isMono ? "pan=stereo|c0=c0|c1=c0" : "aformat=channel_layouts=stereo",
    "apad",
    // The priming takes the place of the first samples, so that the first packet begins at 0.
    `atrim=start_pts=${PRIMING_SAMPLES}:end_pts=${end}`,
  ].join(",");
  return [
    ...["-map", "0:a:0", "-vn", ...STRIPPED, "-af", filter],
    ...["-c:a", "aac", "-b:a", String(AUDIO_BITRATE)],
  ];
}

/** The times at which segments of an encoded video begin: on frames, the last one no mere rest. */
export function regularCuts({ duration, rate }: MediaSource): number[] {
  const perSecond = framesPerSecond(rate);
  const count = Math.max(1, Math.ceil((duration - 1) / SEGMENT_SECONDS));
  return Array.from(
    { length: count },
    (_, index) => Math.ceil(index * SEGMENT_SECONDS * perSecond - 1e-6) / perSecond,
  );
}

/** The first frame past a time becomes the key frame; a little early, for the times are rounded. */
function keyFrames({ rate }: Rendition, cuts: readonly number[]): string[] {
  const early = 0.4 / framesPerSecond(rate);
  const times = cuts.slice(1).map((cut) => (cut - early).toFixed(3));
  return times.length > 0 ? ["-force_key_frames", times.join(",")] : [];
}

function videoFilter(source: MediaSource, { width, height, rate }: Rendition): string {
  return [
    ...(source.isInterlaced ? ["yadif=deint=interlaced"] : []),
    `fps=fps=${rate.numerator}/${rate.denominator}:start_time=0`,
    `scale=${width}:${height}`,
    "setsar=1",
    ...(source.isHdr ? TONE_MAPPING : []),
    "format=yuv420p",
    // The last picture stays while the sound goes on.
    `tpad=stop_mode=clone:stop_duration=${Math.ceil(source.duration + 1)}`,
  ].join(",");
}

/** From ITU-R BT.2100 to BT.709, so that screens without HDR show neither grey nor glare. */
const TONE_MAPPING: readonly string[] = [
  "zscale=t=linear:npl=100",
  "format=gbrpf32le",
  "zscale=p=bt709",
  "tonemap=hable:desat=0",
  "zscale=t=bt709:m=bt709:r=tv",
];
