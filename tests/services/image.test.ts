import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import sharp from "sharp";
import { normalizeImage } from "../../src/services/image";
import { makeHugePng, makeImage } from "./images";

const FORMATS = ["jpeg", "png", "webp", "gif", "avif"] as const;

describe("normalizeImage", () => {
  let folder: string;
  let input: string;
  let output: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "image-"));
    input = join(folder, "upload.png");
    output = join(folder, "out.webp");
  });

  afterEach(() => rm(folder, { recursive: true }));

  const normalize = async (content: Buffer | string, maxWidth = 512) => {
    await writeFile(input, content);
    const told = await normalizeImage(input, output, { maxWidth });
    const bytes = await readFile(output);
    return { told, bytes, metadata: await sharp(bytes).metadata() };
  };
  const expectRefusal = async (content: Buffer | string, code: string) => {
    await writeFile(input, content);
    await expect(normalizeImage(input, output, { maxWidth: 512 })).rejects.toMatchObject({
      name: "MediaError",
      code,
    });
    expect(await readdir(folder)).toEqual(["upload.png"]);
  };

  it.each(FORMATS)("makes a WebP of a %s image", async (format) => {
    const { told, bytes, metadata } = await normalize(await makeImage({ format }));
    expect(metadata).toMatchObject({ format: "webp", width: 96, height: 64 });
    expect(told).toEqual({ width: 96, height: 64, size: bytes.length });
  });

  it("makes a large image smaller and never a small one larger", async () => {
    const large = await makeImage({ format: "jpeg", width: 1000, height: 500 });
    expect((await normalize(large, 100)).told).toMatchObject({ width: 100, height: 50 });
    const small = await makeImage({ format: "jpeg", width: 50, height: 20 });
    expect((await normalize(small, 100)).told).toMatchObject({ width: 50, height: 20 });
  });

  it("makes an image that is too tall for WebP fit", async () => {
    const tall = await makeImage({ format: "png", width: 10, height: 20_000 });
    expect((await normalize(tall)).told.height).toBe(16_383);
  });

  it("turns an image upright and forgets its metadata", async () => {
    const turned = await makeImage({ format: "jpeg", orientation: 6 });
    expect(turned.includes("CANARY")).toBe(true);
    const { bytes, metadata } = await normalize(turned);
    expect(metadata).toMatchObject({ width: 64, height: 96 });
    expect(metadata.orientation).toBeUndefined();
    expect(metadata.exif).toBeUndefined();
    expect(bytes.includes("CANARY")).toBe(false);
  });

  it.each(FORMATS)("keeps nothing that was appended to a %s image", async (format) => {
    const html = Buffer.from("<html><script>alert('CANARY')</script></html>");
    const { bytes } = await normalize(Buffer.concat([await makeImage({ format }), html]));
    expect(bytes.includes("CANARY")).toBe(false);
    expect(bytes.includes("<script")).toBe(false);
  });

  it("keeps the first picture of an animation", async () => {
    const frames = await Promise.all([1, 2, 3].map(() => makeImage({ format: "png" })));
    const animation = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    const { metadata } = await normalize(animation);
    expect(metadata).toMatchObject({ width: 96, height: 64 });
    expect(metadata.pages ?? 1).toBe(1);
  });

  it.each([
    ["SVG", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ["HTML", "<html></html>"],
    ["PDF", "%PDF-1.7\n"],
    ["TIFF", Buffer.from("49492a0008000000", "hex")],
  ])("refuses %s", (_name, content) => expectRefusal(content, "MEDIA_UNSUPPORTED"));

  it("refuses an empty file", () => expectRefusal("", "MEDIA_EMPTY"));

  const cuts = FORMATS.flatMap((format) =>
    [0.3, 0.5, 0.9, 0.98].map((part) => [format, part] as const),
  );
  it.each(cuts)("refuses a %s image cut at %d of its length", async (format, part) => {
    const bytes = await makeImage({ format });
    await expectRefusal(bytes.subarray(0, bytes.length * part), "MEDIA_UNREADABLE");
  });

  it("refuses a damaged image", async () => {
    const bytes = await makeImage({ format: "png" });
    await expectRefusal(bytes.fill(0, 5000, 5200), "MEDIA_UNREADABLE");
  });

  it("refuses a tiny file of 256 megapixels", async () => {
    const bomb = makeHugePng(16_000, 16_000);
    expect(bomb.length).toBeLessThan(40_000);
    await expectRefusal(bomb, "MEDIA_TOO_LARGE");
  });

  it("takes 50 megapixels", async () => {
    expect((await normalize(makeHugePng(10_000, 5_000))).told).toMatchObject({ width: 512 });
  });

  it("does not blame the image when the output cannot be written", async () => {
    await mkdir(output);
    await writeFile(input, await makeImage({ format: "png" }));
    await expect(normalizeImage(input, output, { maxWidth: 512 })).rejects.toMatchObject({
      code: "EISDIR",
    });
    expect(await readdir(folder)).toEqual(["out.webp", "upload.png"]);
  });

  it("leaves the input alone", async () => {
    await normalize(await makeImage({ format: "png" }));
    expect(existsSync(input)).toBe(true);
    expect((await stat(input)).size).toBeGreaterThan(0);
  });

  it("works beside the event loop", async () => {
    await writeFile(input, await makeImage({ format: "jpeg", width: 4000, height: 3000 }));
    const before = performance.eventLoopUtilization();
    await normalizeImage(input, output, { maxWidth: 2000 });
    const { active, idle } = performance.eventLoopUtilization(before);
    expect(active).toBeLessThan(idle);
  });
});
