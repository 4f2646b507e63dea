import { execFile } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { locateFfmpeg } from "../../src/services/ffmpeg";

/** What a player finds in a media playlist and the files it names. */
interface PlayedTrack {
  /** Seconds at which segments begin, from 0; the last value is the end. */
  starts: number[];
  /** Of init and all segments together, as ffprobe sees them. */
  codec: string;
  profile: string;
  level: number;
  width?: number;
  height?: number;
  pixelFormat?: string;
  /** Frames or packets. */
  packets: number;
  /** Seconds on the files' own clock, at which the first is shown and the last one ends. */
  shownFrom: number;
  shownUntil: number;
  tags: string;
  /** The names of its playlist and of the file that it plays. */
  playlist: string;
  file: string;
}

/** What a player finds in a master playlist. */
interface Played {
  variants: (Record<string, string> & { track: PlayedTrack })[];
  audio: PlayedTrack | null;
  subtitles: Record<string, string>[];
}

type Probed = Awaited<ReturnType<typeof probe>>;

const QUOTED = ["CODECS", "AUDIO", "SUBTITLES", "URI", "GROUP-ID", "NAME", "LANGUAGE", "CHANNELS"];

/**
 * Plays a master playlist as RFC 8216 tells a client to, and throws an Error that names the rule
 * for whatever breaks one.
 */
export async function playHls(master: string): Promise<Played> {
  const lines = await linesOf(master);
  const media = lines.filter((line) => line.startsWith("#EXT-X-MEDIA:")).map(attributes);
  const variants: Played["variants"] = [];
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("#EXT-X-STREAM-INF:")) {
      const uri = lines[index + 1] ?? "";
      must(uri !== "" && !uri.startsWith("#"), "4.3.4.2: a URI follows EXT-X-STREAM-INF");
      const track = await playTrack(join(dirname(master), uri));
      variants.push(Object.assign({ track }, attributes(line)));
    }
  }
  must(variants.length > 0, "4.3.4: a master playlist has variants");
  const audio = media.find((entry) => entry.TYPE === "AUDIO");
  const track = audio ? await playTrack(join(dirname(master), audio.URI!)) : null;
  for (const variant of variants) {
    checkVariant(variant, media, track);
  }
  const [first, ...others] = variants.map((variant) => variant.track);
  for (const other of others) {
    must(sameTimes(first!.starts, other.starts), "6.2.4: variants have matching segments");
  }
  const files = [...variants.map((variant) => variant.track), ...(track ? [track] : [])];
  const known = [basename(master), ...files.flatMap((one) => [one.playlist, one.file])].sort();
  must(String((await readdir(dirname(master))).sort()) === String(known), "every file is named");
  must(new Set(media.map((entry) => entry.NAME)).size === media.length, "4.3.4.1.1: names differ");
  return { variants, audio: track, subtitles: media.filter((entry) => entry.TYPE === "SUBTITLES") };
}

function checkVariant(
  variant: Played["variants"][number],
  media: Record<string, string>[],
  audio: PlayedTrack | null,
): void {
  const { track } = variant;
  must(/^\d+$/.test(variant.BANDWIDTH ?? ""), "4.3.4.2: BANDWIDTH is required");
  must(Number(variant["AVERAGE-BANDWIDTH"]) <= Number(variant.BANDWIDTH), "4.3.4.2: average, peak");
  must(variant.RESOLUTION === `${track.width}x${track.height}`, "4.3.4.2: RESOLUTION is true");
  must(/^\d+\.\d{3}$/.test(variant["FRAME-RATE"] ?? ""), "4.3.4.2: FRAME-RATE has three decimals");
  const [video, sound, ...rest] = variant.CODECS!.split(",");
  const level = track.level.toString(16).padStart(2, "0");
  must(/^avc1\.[0-9a-f]{6}$/.test(video!) && video!.endsWith(level), "4.3.4.2: CODECS is true");
  must(sound === (audio ? "mp4a.40.2" : undefined) && rest.length === 0, "4.3.4.2: CODECS all");
  for (const type of ["AUDIO", "SUBTITLES"]) {
    const groups = media.filter((entry) => entry.TYPE === type).map((entry) => entry["GROUP-ID"]);
    const isRight = groups.length === 0 ? !(type in variant) : groups.includes(variant[type]);
    must(isRight, `4.3.4.2: ${type} names a group`);
  }
}

/** Reads a media playlist with all its files. */
async function playTrack(playlist: string): Promise<PlayedTrack> {
  const lines = await linesOf(playlist);
  const folder = dirname(playlist);
  const value = (tag: string) => lines.find((line) => line.startsWith(`${tag}:`))?.split(":")[1];
  must(value("#EXT-X-VERSION") === "7", "7: EXT-X-MAP without I-frames needs version 6 or more");
  must(value("#EXT-X-PLAYLIST-TYPE") === "VOD", "4.3.3.5: VOD");
  must(lines.includes("#EXT-X-INDEPENDENT-SEGMENTS"), "4.3.5.1: independent segments");
  must(lines.at(-1) === "#EXT-X-ENDLIST", "4.3.3.4: a VOD playlist ends");
  const durations = lines
    .flatMap((line) => /^#EXTINF:([\d.]+),$/.exec(line)?.[1] ?? [])
    .map(Number);
  const names = lines.filter((line) => !line.startsWith("#"));
  must(durations.length === names.length && names.length > 0, "4.3.2.1: EXTINF for each segment");
  const target = Number(value("#EXT-X-TARGETDURATION"));
  must(Number.isInteger(target), "4.3.3.1: TARGETDURATION is a whole number");
  must(Math.max(...durations) <= target, "4.3.3.1: no segment exceeds TARGETDURATION");
  const map = attributes(lines.find((line) => line.startsWith("#EXT-X-MAP:")) ?? "").URI!;
  const uris = [map, ...names];
  const [file = "", ...others] = new Set(uris.map((uri) => uri.split("/")[0]!));
  must(/^[\w.]+$/.test(file) && others.length === 0, "a track is one file beside its playlist");
  const whole = join(folder, file);
  const parts = partsOf(await readFile(whole), uris);
  const starts = durations.reduce((sums, one) => [...sums, sums.at(-1)! + one], [0]);
  checkInit(parts[0]!);
  const probed = await probe(whole);
  checkSegments(parts.slice(1), starts, probed);
  return { starts, playlist: basename(playlist), file, ...describe(probed) };
}

/** The bytes that `<file>/<first>-<last>.mp4` and `.m4s` stand for; together they are the file. */
function partsOf(bytes: Buffer, uris: string[]): Buffer[] {
  let next = 0;
  const parts = uris.map((uri, index) => {
    const found = /^[\w.]+\/(\d+)-(\d+)\.(mp4|m4s)$/.exec(uri);
    const [first, last] = [Number(found?.[1]), Number(found?.[2])];
    must(found?.[3] === (index === 0 ? "mp4" : "m4s"), `a part by its first and last byte: ${uri}`);
    must(first === next && last >= first, "parts follow each other");
    next = last + 1;
    return bytes.subarray(first, next);
  });
  must(next === bytes.length, "the parts are the whole file");
  return parts;
}

/** Section 3.3. */
function checkInit(bytes: Buffer): void {
  const brands = bytes.toString("latin1", 8, bytes.readUInt32BE(0));
  must(bytes.toString("latin1", 4, 8) === "ftyp", "3.3: init begins with ftyp");
  must(/iso[6-9]/.test(brands), "3.3: the brand is iso6 or later");
  must(bytes.includes("moov") && bytes.includes("mvex"), "3.3: init holds moov and mvex");
  must(!bytes.includes("elst"), "no edit list moves the clock");
}

/** Sections 3 and 3.3: each segment begins with a key frame, and when the playlist says. */
function checkSegments(segments: Buffer[], starts: number[], { packets, start }: Probed): void {
  for (const bytes of segments) {
    must(bytes.toString("latin1", 4, 8) === "moof", "3.3: a segment begins with moof");
  }
  // The clock of a copied stream may show a little more than 0 at its first frame.
  const origin = packets[0]!.pts;
  const keys = packets.filter(({ flags }) => flags.startsWith("K")).map(({ pts }) => pts - origin);
  const isKey = (time: number) => keys.some((key) => Math.abs(key - time) < 0.002);
  must(origin - start < 0.1, "the track begins with the presentation");
  must(starts.slice(0, -1).every(isKey), "4.3.5.1: segments begin with key frames");
}

function describe({ stream, packets, start, tags }: Probed) {
  const first = Math.min(...packets.map(({ pts }) => pts));
  const last = Math.max(...packets.map(({ pts, duration }) => pts + duration));
  return {
    codec: stream.codec_name as string,
    profile: stream.profile as string,
    level: stream.level as number,
    width: stream.width as number,
    height: stream.height as number,
    pixelFormat: stream.pix_fmt as string,
    packets: packets.length,
    shownFrom: first - start,
    shownUntil: last - start,
    tags,
  };
}

/** `start`: ffmpeg shows a stream of negative composition offsets as if all of it came later. */
async function probe(whole: string) {
  const tools = await locateFfmpeg({ searchPath: "" });
  const { stdout } = await promisify(execFile)(
    tools.ffprobe,
    ["-v", "error", "-of", "json", "-show_format", "-show_streams", "-show_packets", whole],
    { maxBuffer: 64 * 1024 ** 2 },
  );
  const report = JSON.parse(stdout);
  must(report.streams.length === 1, "a track has one stream");
  const packets = (report.packets as Record<string, string>[]).map((packet) => ({
    pts: Number(packet.pts_time),
    dts: Number(packet.dts_time),
    duration: Number(packet.duration_time ?? 0),
    flags: packet.flags ?? "",
  }));
  const stream = report.streams[0];
  const start = stream.codec_type === "video" ? packets[0]!.pts - tfdtOf(await readFile(whole)) : 0;
  const tags = JSON.stringify([report.format.tags, stream.tags]);
  return { stream, packets, start, tags };
}

/** Seconds at which the first fragment is decoded. */
function tfdtOf(bytes: Buffer): number {
  const at = bytes.indexOf("tfdt") + 4;
  const mdhd = bytes.indexOf("mdhd") + 4;
  const timescale = bytes.readUInt32BE(mdhd + (bytes[mdhd] === 1 ? 20 : 12));
  const ticks =
    bytes[at] === 1 ? Number(bytes.readBigUInt64BE(at + 4)) : bytes.readUInt32BE(at + 4);
  return ticks / timescale;
}

/** Section 4.2. */
function attributes(line: string): Record<string, string> {
  const list = line.slice(line.indexOf(":") + 1);
  const found = [...list.matchAll(/([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)/g)];
  must(found.map(([all]) => all).join("") === list, `4.2: a list of attributes: ${line}`);
  for (const [, name, value] of found) {
    must(QUOTED.includes(name!) === value!.startsWith('"'), `4.2: quotes around ${name}`);
  }
  return Object.fromEntries(found.map(([, name, value]) => [name, value!.replaceAll('"', "")]));
}

/** Section 4.1. */
async function linesOf(playlist: string): Promise<string[]> {
  must((await stat(playlist)).size < 1e6, "a playlist is small");
  const text = await readFile(playlist, "utf8");
  const lines = text.split("\n").filter((line) => line !== "");
  must(lines[0] === "#EXTM3U", "4.3.1.1: EXTM3U comes first");
  must(!text.includes("\r") && !text.startsWith("\ufeff"), "4.1: no byte order mark");
  return lines;
}

/** Frames of two rates cannot begin at the very same time. */
function sameTimes(some: number[], others: number[]): boolean {
  return some.length === others.length && some.every((s, i) => Math.abs(s - others[i]!) < 0.05);
}

function must(isSo: boolean, rule: string): void {
  if (!isSo) {
    throw new Error(`RFC 8216: ${rule}`);
  }
}
