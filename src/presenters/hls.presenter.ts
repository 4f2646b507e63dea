import { createHash } from "node:crypto";
import type { Types } from "mongoose";
import { CAPTIONS_PLAYLIST } from "../constants";
import type { StoredCaptions, StoredHls } from "../models/video.model";
import { masterPlaylist } from "../services/ffmpeg";

/**
 * The key under which a video's master playlist is served. It is not stored but written anew for
 * each request; its name changes with what it lists, so that it may be cached for ever.
 */
export function masterFile(id: Types.ObjectId, hls: StoredHls, captions: StoredCaptions[]): string {
  const tracks = hls.renditions.map(({ file }) => file);
  const labels = captions.map(({ key, language, label }) => [key, language, label]);
  const revision = createHash("sha256")
    .update(JSON.stringify([tracks, labels]))
    .digest("hex");
  return `videos/${id.toHexString()}/master-${revision.slice(0, 16)}.m3u8`;
}

/**
 * The master playlist; all it refers to lies in the same folder. Names must differ within a group
 * (RFC 8216, section 4.3.4.1.1), so labels that are the same say the language, too.
 */
export function master(hls: StoredHls, captions: StoredCaptions[]): string {
  return masterPlaylist({
    renditions: hls.renditions.map((rendition) => ({
      ...rendition,
      uri: fileName(rendition.playlist),
    })),
    audio: hls.audio && { ...hls.audio, uri: fileName(hls.audio.playlist) },
    subtitles: captions.map(({ key, language, label }) => ({
      uri: `${fileName(key)}/${CAPTIONS_PLAYLIST}`,
      language,
      name:
        captions.filter((other) => other.label === label).length > 1
          ? `${label} (${language})`
          : label,
    })),
  });
}

/** A playlist of one segment, the caption file as a whole (RFC 8216, section 3.5). */
export function captionsPlaylist(key: string, duration: number): string {
  return [
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    `#EXT-X-TARGETDURATION:${Math.ceil(duration)}`,
    "#EXT-X-MEDIA-SEQUENCE:0",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    `#EXTINF:${duration.toFixed(6)},`,
    `../${fileName(key)}`,
    "#EXT-X-ENDLIST",
    "",
  ].join("\n");
}

function fileName(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
