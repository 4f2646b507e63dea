import { api } from "./api";
import type { Member } from "./people";

/** A small WebVTT file, as it is stored. */
export const CAPTIONS = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello\n";

/** Sends captions; without a file when there is none. */
export function putCaptions(
  who: Member,
  video: string,
  language: string,
  file: string | Buffer | null = CAPTIONS,
  fields: Record<string, string> = {},
) {
  const test = api("put", `/videos/${video}/captions/${language}`, who.accessToken).field(fields);
  return file === null ? test : test.attach("captions", Buffer.from(file), "captions.txt");
}
