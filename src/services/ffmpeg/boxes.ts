/**
 * Reads the boxes of ISO/IEC 14496-12 that tell about a fragmented MP4: its time scale, what is in
 * it and how long each fragment lasts. Only what our own ffmpeg has written is read; anything else
 * throws a RangeError or TypeError.
 */

/** What the initialization section says. */
export interface TrackHeader {
  /** Ticks a second. */
  timescale: number;
  /** RFC 6381, such as `avc1.64001f` or `mp4a.40.2`. */
  codecs: string;
}

/** What a movie fragment says about its samples, in seconds. */
export interface FragmentHeader {
  start: number;
  duration: number;
  /** Whether it begins with a key frame and nothing in it is shown before that. */
  isIndependent: boolean;
  /** Of all samples but the last one, which may be cut or drawn out. */
  shortestSample: number;
  longestSample: number;
}

const CONTAINERS = ["moov", "trak", "mdia", "minf", "stbl", "moof", "traf", "mvex"];
const NOT_SYNC = 0x10000;

/** Reads `moov`. H.264 and AAC-LC are what there may be. */
export function readTrackHeader(moov: Buffer): TrackHeader {
  const mdhd = boxOf(moov, "mdhd");
  const timescale = mdhd.readUInt32BE(mdhd[0] === 1 ? 20 : 12);
  const avcC = boxOf(moov, "stsd").indexOf("avcC");
  // Profile, constraints and level stand behind the version (ISO/IEC 14496-15 section 5.3.3.1).
  const level = avcC < 0 ? null : boxOf(moov, "stsd").toString("hex", avcC + 5, avcC + 8);
  return { timescale, codecs: level === null ? "mp4a.40.2" : `avc1.${level}` };
}

/** Reads `moof`, of which there is one track. */
export function readFragmentHeader(moof: Buffer, timescale: number): FragmentHeader {
  const samples = readSamples(boxOf(moof, "trun"), readDefaults(boxOf(moof, "tfhd")));
  const ticks = samples.reduce((sum, { duration }) => sum + duration, 0);
  const whole = samples.length > 1 ? samples.slice(0, -1) : samples;
  const durations = whole.map(({ duration }) => duration / timescale);
  return {
    start: readStart(boxOf(moof, "tfdt")) / timescale,
    duration: ticks / timescale,
    isIndependent: isIndependent(samples),
    shortestSample: durations.reduce((least, duration) => Math.min(least, duration), Infinity),
    longestSample: durations.reduce((most, duration) => Math.max(most, duration), 0),
  };
}

interface Sample {
  duration: number;
  flags: number;
  /** From decoding to showing. */
  offset: number;
}

type Defaults = Pick<Sample, "duration" | "flags">;

/** Section 8.8.7: optional fields in this order, each announced by a flag. */
function readDefaults(tfhd: Buffer): Defaults {
  const flags = tfhd.readUIntBE(1, 3);
  const at = 8 + (flags & 0x1 ? 8 : 0) + (flags & 0x2 ? 4 : 0);
  const duration = flags & 0x8 ? tfhd.readUInt32BE(at) : 0;
  const flagsAt = at + (flags & 0x8 ? 4 : 0) + (flags & 0x10 ? 4 : 0);
  return { duration, flags: flags & 0x20 ? tfhd.readUInt32BE(flagsAt) : 0 };
}

/** Section 8.8.8. */
function readSamples(trun: Buffer, defaults: Defaults): Sample[] {
  const flags = trun.readUIntBE(1, 3);
  let at = 8 + (flags & 0x1 ? 4 : 0);
  const next = (isPresent: number) => (isPresent ? trun.readInt32BE((at += 4) - 4) : null);
  const firstFlags = next(flags & 0x4);
  return Array.from({ length: trun.readUInt32BE(4) }, (_, index) => {
    const duration = next(flags & 0x100) ?? defaults.duration;
    next(flags & 0x200);
    const own = next(flags & 0x400) ?? defaults.flags;
    const offset = next(flags & 0x800) ?? 0;
    return { duration, flags: index === 0 ? (firstFlags ?? own) : own, offset };
  });
}

function isIndependent(samples: Sample[]): boolean {
  let decoded = 0;
  const first = samples[0]!;
  const isLeading = ({ duration, offset }: Sample) => {
    decoded += duration;
    return decoded - duration + offset < first.offset;
  };
  return (first.flags & NOT_SYNC) === 0 && !samples.some(isLeading);
}

function readStart(tfdt: Buffer): number {
  return tfdt[0] === 1 ? Number(tfdt.readBigInt64BE(4)) : tfdt.readUInt32BE(4);
}

/** What is in the first box of this type at any depth, from its version on. */
function boxOf(bytes: Buffer, type: string): Buffer {
  const found = findBox(bytes, type);
  if (!found) {
    throw new TypeError(`The MP4 has no ${type} box`);
  }
  return found;
}

function findBox(bytes: Buffer, type: string): Buffer | null {
  for (let at = 0; at + 8 <= bytes.length; at += Math.max(8, bytes.readUInt32BE(at))) {
    const name = bytes.toString("latin1", at + 4, at + 8);
    const content = bytes.subarray(at + 8, at + bytes.readUInt32BE(at));
    const found =
      name === type ? content : CONTAINERS.includes(name) ? findBox(content, type) : null;
    if (found) {
      return found;
    }
  }
  return null;
}
