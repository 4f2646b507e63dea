import { framesPerSecond } from "./source";
import type { Rendition } from "./renditions";

/** One stream of video or sound as HLS, as measured on the finished files. Plain data. */
export interface HlsTrack {
  /** RFC 6381, such as `avc1.64001f`. */
  codecs: string;
  segments: HlsSegment[];
}

export interface HlsSegment {
  /** Seconds. */
  duration: number;
  /** Bytes. */
  size: number;
}

/** What a master playlist refers to; URIs are relative to it. */
export interface MasterContents {
  renditions: { uri: string; rendition: Rendition; track: HlsTrack }[];
  audio: { uri: string; track: HlsTrack } | null;
  /** `language` as BCP 47 has it; `name` is what a viewer reads, unlike any other here. */
  subtitles: { uri: string; language: string; name: string }[];
}

/** The names of the files in the folder of a track. */
export const PLAYLIST_NAME = "playlist.m3u8";
export const INIT_NAME = "init.mp4";

/** The name of a track's segment, counted from 0. */
export function segmentName(index: number): string {
  return `${String(index).padStart(5, "0")}.m4s`;
}

/** The media playlist of a finished track (RFC 8216 section 4.3.3), all names relative to it. */
export function mediaPlaylist({ segments }: HlsTrack): string {
  return lines(
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    `#EXT-X-TARGETDURATION:${targetDuration(segments)}`,
    "#EXT-X-MEDIA-SEQUENCE:0",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    `#EXT-X-MAP:URI="${INIT_NAME}"`,
    ...segments.flatMap(({ duration }, index) => [
      `#EXTINF:${duration.toFixed(6)},`,
      segmentName(index),
    ]),
    "#EXT-X-ENDLIST",
  );
}

/** The master playlist (RFC 8216 section 4.3.4), its bit rates measured on the segments. */
export function masterPlaylist({ renditions, audio, subtitles }: MasterContents): string {
  return lines(
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    ...(audio ? [audioEntry(audio.uri)] : []),
    ...subtitles.map(subtitleEntry),
    ...renditions.flatMap((variant) => [
      variantEntry(variant, audio?.track ?? null, subtitles.length > 0),
      variant.uri,
    ]),
  );
}

/** Section 4.3.4.1. */
function audioEntry(uri: string): string {
  return tag("EXT-X-MEDIA", {
    TYPE: "AUDIO",
    "GROUP-ID": quoted("audio"),
    NAME: quoted("Original"),
    DEFAULT: "YES",
    AUTOSELECT: "YES",
    CHANNELS: quoted("2"),
    URI: quoted(uri),
  });
}

function subtitleEntry({ uri, language, name }: MasterContents["subtitles"][number]): string {
  return tag("EXT-X-MEDIA", {
    TYPE: "SUBTITLES",
    "GROUP-ID": quoted("subtitles"),
    NAME: quoted(name),
    LANGUAGE: quoted(language),
    DEFAULT: "NO",
    AUTOSELECT: "YES",
    FORCED: "NO",
    URI: quoted(uri),
  });
}

/** Section 4.3.4.2; the sound counts with every size, for it is played with each. */
function variantEntry(
  { rendition, track }: MasterContents["renditions"][number],
  audio: HlsTrack | null,
  hasSubtitles: boolean,
): string {
  const tracks = audio ? [track, audio] : [track];
  const sum = (measure: (track: HlsTrack) => number) =>
    Math.ceil(tracks.reduce((total, one) => total + measure(one), 0));
  return tag("EXT-X-STREAM-INF", {
    BANDWIDTH: sum(peakBitrate),
    "AVERAGE-BANDWIDTH": sum(averageBitrate),
    CODECS: quoted(tracks.map(({ codecs }) => codecs).join(",")),
    RESOLUTION: `${rendition.width}x${rendition.height}`,
    "FRAME-RATE": framesPerSecond(rendition.rate).toFixed(3),
    ...(audio ? { AUDIO: quoted("audio") } : {}),
    ...(hasSubtitles ? { SUBTITLES: quoted("subtitles") } : {}),
  });
}

/** Section 4.3.3.1 rounds; rounding up pleases those who do not. */
function targetDuration(segments: HlsSegment[]): number {
  return Math.ceil(Math.max(...segments.map(({ duration }) => duration)) - 1e-6) || 1;
}

/**
 * Section 4.1: the largest bit rate of any run of segments that lasts between 0.5 and 1.5 times
 * the target duration; of all together when they are shorter.
 */
function peakBitrate({ segments }: HlsTrack): number {
  const target = targetDuration(segments);
  let peak = 0;
  for (let first = 0; first < segments.length; first += 1) {
    let seconds = 0;
    let bits = 0;
    for (const { duration, size } of from(segments, first)) {
      seconds += duration;
      bits += 8 * size;
      if (seconds > 1.5 * target) {
        break;
      }
      peak = seconds >= 0.5 * target ? Math.max(peak, bits / seconds) : peak;
    }
  }
  return peak || averageBitrate({ segments });
}

function* from<T>(list: readonly T[], first: number): Generator<T> {
  for (let index = first; index < list.length; index += 1) {
    yield list[index]!;
  }
}

function averageBitrate({ segments }: Pick<HlsTrack, "segments">): number {
  const bytes = segments.reduce((sum, { size }) => sum + size, 0);
  return (8 * bytes) / secondsOf(segments);
}

/** How long segments last together. */
export function secondsOf(segments: readonly HlsSegment[]): number {
  return segments.reduce((sum, { duration }) => sum + duration, 0);
}

/** Section 4.2: what would end a quoted string early or the line has no place in it. */
function quoted(text: string): string {
  return `"${text.replace(/["\r\n]/g, "'")}"`;
}

function tag(name: string, attributes: Record<string, string | number>): string {
  const list = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
  return `#${name}:${list.join(",")}`;
}

function lines(...all: string[]): string {
  return `${all.join("\n")}\n`;
}
