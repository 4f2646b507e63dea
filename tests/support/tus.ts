import { API_PREFIX } from "../../src/constants";
import { api } from "./api";

/** What every request of the protocol says. */
export const TUS = { "Tus-Resumable": "1.0.0" };

/** The type of a piece of a file. */
export const PIECE = "application/offset+octet-stream";

/** Pairs as Upload-Metadata has them. */
export function metadata(pairs: Record<string, string>): string {
  return Object.entries(pairs)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString("base64")}`)
    .join(",");
}

/** A request that begins an upload. */
export function create(token: string, size: number, pairs: Record<string, string> = {}) {
  return api("post", "/uploads", token)
    .set(TUS)
    .set("Upload-Length", String(size))
    .set("Upload-Metadata", metadata({ title: "A walk", ...pairs }));
}

/** Begins an upload; answers its path below /api/v1. */
export async function begin(
  token: string,
  size: number,
  pairs: Record<string, string> = {},
): Promise<string> {
  const { headers } = await create(token, size, pairs).expect(201);
  return (headers.location as string).replace(API_PREFIX, "");
}

/** A request that sends a piece. */
export function piece(path: string, token: string, offset: number, bytes: Buffer) {
  return api("patch", path, token)
    .set(TUS)
    .set("Upload-Offset", String(offset))
    .type(PIECE)
    .send(bytes);
}

/** A request that asks how far an upload has come. */
export function progress(path: string, token: string) {
  return api("head", path, token).set(TUS);
}
