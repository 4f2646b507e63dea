import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";

export interface ImageOptions {
  format: "jpeg" | "png" | "webp" | "gif" | "avif";
  width?: number;
  height?: number;
  /** EXIF, with an orientation and a comment by which it is found again. */
  orientation?: number;
}

/** A real image of noise, so that its end matters as much as its beginning. */
export function makeImage({ format, width = 96, height = 64, orientation }: ImageOptions) {
  const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
  const image = sharp({ create: { width, height, channels: 3, background: "red", noise } });
  const exif = { IFD0: { ImageDescription: "CANARY" } };
  const described = orientation ? image.withMetadata({ orientation, exif }) : image;
  return described[format]().toBuffer();
}

/** A tiny file of a black picture of any size (PNG specification, section 11). */
export function makeHugePng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1; // One bit of grey.
  const rows = Buffer.alloc((Math.ceil(width / 8) + 1) * height);
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND"),
  ]);
}

function chunk(type: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const length = Buffer.alloc(4);
  const checksum = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}
