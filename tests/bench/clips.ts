import { execFile } from "node:child_process";
import { copyFile, open } from "node:fs/promises";
import { promisify } from "node:util";
import { locateFfmpeg } from "../../src/services/ffmpeg";

/** Writes a video with sound of moving bars and noise, which an encoder has to work on. */
export async function makeVideo(path: string, seconds: number, size: string): Promise<void> {
  const { ffmpeg } = await locateFfmpeg();
  await promisify(execFile)(ffmpeg, [
    ...["-nostdin", "-v", "error", "-y"],
    ...["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=30:duration=${seconds}`],
    ...["-f", "lavfi", "-i", `sine=duration=${seconds}`],
    ...["-vf", "noise=alls=6:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M"],
    ...["-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "faststart", path],
  ]);
}

/**
 * Makes a larger video of the same content: behind it stands a box that players skip, `free` of
 * ISO/IEC 14496-12, section 8.1.2.
 */
export async function pad(video: string, target: string, bytes: number): Promise<void> {
  await copyFile(video, target);
  const file = await open(target, "a+");
  try {
    const header = Buffer.from("\0\0\0\0free", "latin1");
    header.writeUInt32BE(bytes);
    await file.write(header);
    await file.truncate((await file.stat()).size + bytes - header.length);
  } finally {
    await file.close();
  }
}
