import { chooseRenditions } from "../../src/services/ffmpeg/renditions";
import type { MediaSource } from "../../src/services/ffmpeg/source";

describe("the renditions of a source", () => {
  const source = (width: number, height: number, fps = 30): MediaSource => ({
    demuxer: "mov",
    duration: 10,
    width,
    height,
    storedPixels: width * height,
    rate: { numerator: fps, denominator: 1 },
    storedRate: fps,
    isHdr: false,
    isInterlaced: false,
    isPlayableVideo: false,
    isPlayableAudio: null,
    isMono: false,
  });
  const sizes = (width: number, height: number) =>
    chooseRenditions(source(width, height)).map((one) => `${one.width}x${one.height}`);

  it.each([
    [1920, 1080, ["426x240", "640x360", "854x480", "1280x720", "1920x1080"]],
    [1080, 1920, ["240x426", "360x640", "480x854", "720x1280", "1080x1920"]],
    [1920, 800, ["576x240", "864x360", "1152x480", "1920x800"]],
    [64, 48, ["64x48"]],
    [65, 49, ["64x48"]],
    [1, 1, ["2x2"]],
  ])("of %d by %d pixels are those of the ladder and its own", (width, height, expected) => {
    expect(sizes(width, height)).toEqual(expected);
  });

  it.each([
    [7680, 4320],
    [60_000, 2],
    [2, 60_000],
    [8000, 1000],
    [3, 3],
    [2560, 2560],
  ])("of %d by %d pixels are even, in order and what a decoder of level 5.2 takes", (w, h) => {
    const all = chooseRenditions(source(w, h, 60));
    expect(all.length).toBeGreaterThan(0);
    for (const { width, height, level } of all) {
      expect([width % 2, height % 2]).toEqual([0, 0]);
      expect(Math.ceil(width / 16) * Math.ceil(height / 16)).toBeLessThanOrEqual(36_864);
      expect(level).toBeLessThanOrEqual(52);
      expect(width).toBeLessThanOrEqual(Math.max(2, w));
      expect(height).toBeLessThanOrEqual(Math.max(2, h));
    }
    const pixels = all.map(({ width, height }) => width * height);
    expect(pixels).toEqual([...pixels].sort((a, b) => a - b));
  });

  it.each([
    [1920, 1080, 30, 40],
    [1920, 1080, 60, 42],
    [1280, 720, 30, 31],
    [3840, 2160, 30, 51],
    [3840, 2160, 60, 52],
    [640, 360, 30, 30],
  ])("have for %d by %d at %d the lowest level that H.264 allows", (width, height, fps, level) => {
    expect(chooseRenditions(source(width, height, fps)).at(-1)?.level).toBe(level);
  });
});
