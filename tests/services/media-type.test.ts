import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detectImageType, detectVideoType, MEDIA_TYPES } from "../../src/services/media-type";
import { makeClip } from "../support/clips";
import { makeImage } from "./images";

const hex = (text: string) => Buffer.from(text, "hex");
const brand = (name: string) => Buffer.from(`\0\0\0\x18ftyp${name}\0\0\0\0${name}isom`, "latin1");

const NEITHER: [string, string | Buffer][] = [
  ["HTML", "<!DOCTYPE html><html><script>alert(1)</script></html>"],
  ["HTML after white space", `${" ".repeat(200)}<html></html>`],
  ["SVG", '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
  ["SVG with a prolog", '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'],
  ["XML", '<?xml version="1.0"?><a/>'],
  ["JavaScript", "alert(1)"],
  ["PHP", "<?php system($_GET[0]);"],
  ["JSON", '{"a":1}'],
  ["an HLS playlist", "#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1/a.ts\n"],
  ["an ffconcat list", "ffconcat version 1.0\nfile other.mp4\n"],
  ["a DASH manifest", '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>'],
  ["an SDP description", "v=0\no=- 0 0 IN IP4 127.0.0.1\n"],
  ["a ZIP archive", hex("504b0304140000000800")],
  ["a gzip archive", hex("1f8b0800000000000003")],
  ["a Windows program", hex("4d5a90000300000004000000ffff0000")],
  ["a Linux program", hex("7f454c4602010100")],
  ["a shell script", "#!/bin/sh\nid\n"],
  ["PDF", "%PDF-1.7\n"],
  ["MP3", hex("494433030000000000")],
  ["WAV", Buffer.from("RIFF\0\0\0\0WAVEfmt ", "latin1")],
  ["AVI", Buffer.from("RIFF\0\0\0\0AVI LIST", "latin1")],
  ["FLV", hex("464c5601050000000900000000")],
  ["ASF", hex("3026b2758e66cf11a6d900aa0062ce6c")],
  ["MPEG-TS", Buffer.concat(Array.from({ length: 5 }, () => Buffer.alloc(188).fill(0x47, 0, 1)))],
  ["Ogg", hex("4f67675300020000000000000000")],
  ["M4A sound", brand("M4A ")],
  ["3GP", brand("3gp4")],
  ["HEIC", brand("heic")],
  ["BMP", hex("424d460000000000000036000000")],
  ["TIFF", hex("49492a0008000000")],
  ["an icon", hex("000001000100101000000100")],
  ["JPEG XL", hex("ff0a0000")],
  ["PSD", hex("38425053000100000000")],
  ["one byte", "\0"],
  ["zeros", Buffer.alloc(5000)],
];

describe("the media type of a file", () => {
  let folder: string;
  let file: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "media-type-"));
    file = join(folder, "upload.mp4");
  });

  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    ["mp4", "video/mp4"],
    ["mov", "video/quicktime"],
    ["webm", "video/webm"],
    ["mkv", "video/x-matroska"],
  ] as const)("is recognised for the video %s", async (container, contentType) => {
    const type = await detectVideoType(await makeClip({ container }));
    expect(type).toEqual({ kind: "video", extension: container, contentType });
  });

  it("is recognised for an M4V video, served as MP4", async () => {
    await writeFile(file, brand("M4V "));
    const type = { kind: "video", extension: "m4v", contentType: "video/mp4" };
    expect(await detectVideoType(file)).toEqual(type);
  });

  it.each([
    ["jpeg", "jpg", "image/jpeg"],
    ["png", "png", "image/png"],
    ["webp", "webp", "image/webp"],
    ["gif", "gif", "image/gif"],
    ["avif", "avif", "image/avif"],
  ] as const)("is recognised for the image %s", async (format, extension, contentType) => {
    await writeFile(file, await makeImage({ format }));
    expect(await detectImageType(file)).toEqual({ kind: "image", extension, contentType });
  });

  it.each(NEITHER)("is refused for %s, whatever the name says", async (_name, content) => {
    await writeFile(file, content);
    const refused = { code: "MEDIA_UNSUPPORTED", kind: "unsupported" };
    await expect(detectVideoType(file)).rejects.toMatchObject(refused);
    await expect(detectImageType(file)).rejects.toMatchObject(refused);
  });

  it("is refused for an image where a video is wanted, and the reverse", async () => {
    const refused = { code: "MEDIA_UNSUPPORTED" };
    await writeFile(file, await makeImage({ format: "png" }));
    await expect(detectVideoType(file)).rejects.toMatchObject(refused);
    await expect(detectImageType(await makeClip())).rejects.toMatchObject(refused);
  });

  it("is refused for an empty file, with a reason of its own", async () => {
    await writeFile(file, "");
    const refused = { code: "MEDIA_EMPTY", kind: "empty" };
    await expect(detectVideoType(file)).rejects.toMatchObject(refused);
    await expect(detectImageType(file)).rejects.toMatchObject(refused);
  });

  it("is decided by the first 4 KB alone", async () => {
    const ebml = (voidLength: number) =>
      Buffer.concat([
        hex("1a45dfa34fff"), // An EBML header
        hex(`ec${(0x4000 + voidLength).toString(16)}`), // with a Void element of that length
        Buffer.alloc(voidLength),
        hex("428284"), // before its DocType.
        Buffer.from("webm"),
        Buffer.alloc(100),
      ]);
    await writeFile(file, ebml(1000));
    expect((await detectVideoType(file)).extension).toBe("webm");
    await writeFile(file, ebml(5000));
    await expect(detectVideoType(file)).rejects.toMatchObject({ code: "MEDIA_UNSUPPORTED" });
  });

  it("is known as quickly for a file of 8 GB", async () => {
    await writeFile(file, await makeImage({ format: "png" }));
    await truncate(file, 8_000_000_000);
    expect((await detectImageType(file)).extension).toBe("png");
  });

  it("comes from a table without a type that a browser would run", () => {
    const served = Object.values(MEDIA_TYPES);
    expect(served.every((type) => /^((video|image)\/[a-z0-9-]+|text\/vtt)$/.test(type))).toBe(true);
    expect(served.join()).not.toMatch(/svg|html|xml/);
  });
});
