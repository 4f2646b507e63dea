import type { StoredCaptions } from "../models/video.model";
import type { MediaUrls } from "./media-url";

/** Captions in one language as players load them. */
export function captions({ language, label, key }: StoredCaptions, url: MediaUrls) {
  return { language, label, url: url(key) };
}
