import { randomBytes } from "node:crypto";

/** A derived file by its address after the signature, without a version. */
export type DerivedFiles = Map<string, Buffer>;

const RENDITIONS = [
  { transformation: "c_limit,h_1080,w_1920,vc_h264:high:4.0,br_8500k", bandwidth: 8_500_000 },
  { transformation: "c_limit,h_360,w_640,vc_h264:main:3.0,br_730k", bandwidth: 730_000 },
];
const SEGMENT = 1000;

/**
 * What Cloudinary derives from a video for `sp_full_hd/m3u8`: a master playlist that leads by path
 * to one playlist for each rendition, and those relatively to one file in byte ranges. `sign`
 * makes the signature component of a derived file's address.
 * https://cloudinary.com/documentation/adaptive_bitrate_streaming
 */
export function deriveStream(
  { cloudName, publicId }: { cloudName: string; publicId: string },
  sign: (source: string) => string,
): DerivedFiles {
  const files: DerivedFiles = new Map();
  const master = ["#EXTM3U", "#EXT-X-VERSION:4"];
  const address = (transformation: string, extension: string) => {
    const signature = sign(`${transformation}/${publicId}.${extension}`);
    return `s--${signature}--/${transformation}/v1/${publicId}.${extension}`;
  };
  for (const { transformation, bandwidth } of RENDITIONS) {
    const source = `${transformation}/${publicId}`;
    const name = `/${cloudName}/video/authenticated/${address(transformation, "ts")}`;
    const media = ["#EXTM3U", "#EXT-X-VERSION:4", "#EXT-X-TARGETDURATION:6"];
    for (const start of [0, SEGMENT]) {
      media.push("#EXTINF:6.0,", `#EXT-X-BYTERANGE:${SEGMENT}@${start}`, name);
    }
    files.set(`${source}.ts`, randomBytes(2 * SEGMENT));
    files.set(`${source}.m3u8`, Buffer.from([...media, "#EXT-X-ENDLIST", ""].join("\n")));
    const up = "../".repeat(publicId.split("/").length + 2); // The file's folders, v1, sp_full_hd, signature.
    master.push(`#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth}`, up + address(transformation, "m3u8"));
  }
  files.set(`sp_full_hd/${publicId}.m3u8`, Buffer.from(`${master.join("\n")}\n`));
  return files;
}
