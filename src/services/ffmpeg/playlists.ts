/** One stream of video or sound in one fragmented MP4, as measured on the finished file. Plain data. */
export interface HlsTrack {
  /** RFC 6381, such as `avc1.64001f`. */
  codecs: string;
  /** Bytes of the initialization section, with which the file begins. */
  initSize: number;
  /** In the order in which they follow it, without a gap. */
  segments: HlsSegment[];
}

export interface HlsSegment {
  /** Seconds. */
  duration: number;
  /** Bytes. */
  size: number;
}

/** What a master playlist tells of a track; whole bits a second (RFC 8216 section 4.3.4.2). */
export interface TrackFigures {
  codecs: string;
  bandwidth: number;
  averageBandwidth: number;
}

/** What a master playlist refers to; URIs are relative to it. */
export interface MasterContents {
  /** Pixels and frames a second. */
  renditions: (TrackFigures & { uri: string; width: number; height: number; frameRate: number })[];
  audio: (TrackFigures & { uri: string }) | null;
  /** `language` as BCP 47 has it; `name` is what a viewer reads, unlike any other here. */
  subtitles: { uri: string; language: string; name: string }[];
}

/**
 * The media playlist of a finished track (RFC 8216 section 4.3.3). Its URIs are byte ranges of the
 * track's file, the last byte included as in HTTP: `<fileName>/<first>-<last>.m4s`.
 */
export function mediaPlaylist({ initSize, segments }: HlsTrack, fileName: string): string {
  let next = initSize;
  return lines(
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    `#EXT-X-TARGETDURATION:${targetDuration(segments)}`,
    "#EXT-X-MEDIA-SEQUENCE:0",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    `#EXT-X-MAP:URI="${fileName}/0-${initSize - 1}.mp4"`,
    ...segments.flatMap(({ duration, size }) => {
      const first = next;
      next += size;
      return [`#EXTINF:${duration.toFixed(6)},`, `${fileName}/${first}-${next - 1}.m4s`];
    }),
    "#EXT-X-ENDLIST",
  );
}

/** What the master playlist has to know of a finished track, measured on its segments. */
export function measureTrack(track: HlsTrack): TrackFigures {
  return {
    codecs: track.codecs,
    bandwidth: Math.ceil(peakBitrate(track)),
    averageBandwidth: Math.ceil(averageBitrate(track)),
  };
}

/** The master playlist (RFC 8216 section 4.3.4). */
export function masterPlaylist({ renditions, audio, subtitles }: MasterContents): string {
  return lines(
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    ...(audio ? [audioEntry(audio.uri)] : []),
    ...subtitles.map(subtitleEntry),
    ...renditions.flatMap((rendition) => [
      variantEntry(rendition, audio, subtitles.length > 0),
      rendition.uri,
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
  rendition: MasterContents["renditions"][number],
  audio: TrackFigures | null,
  hasSubtitles: boolean,
): string {
  const { width, height, frameRate, codecs, bandwidth, averageBandwidth } = rendition;
  return tag("EXT-X-STREAM-INF", {
    BANDWIDTH: bandwidth + (audio?.bandwidth ?? 0),
    "AVERAGE-BANDWIDTH": averageBandwidth + (audio?.averageBandwidth ?? 0),
    CODECS: quoted(audio ? `${codecs},${audio.codecs}` : codecs),
    RESOLUTION: `${width}x${height}`,
    "FRAME-RATE": frameRate.toFixed(3),
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
