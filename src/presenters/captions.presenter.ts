import type { StoredCaptions } from "../models/video.model";

/** Captions in one language as players load them; `file` turns keys of their video into URLs. */
export function captions({ language, label, key }: StoredCaptions, file: (key: string) => string) {
  return { language, label, url: file(key) };
}
