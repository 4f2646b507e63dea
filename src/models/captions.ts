import type { Types } from "mongoose";
import { CAPTIONS_MAX } from "../constants";
import { ApiError } from "../utils/ApiError";
import { inTransaction } from "./transaction";
import type { Drop } from "./unclaimed-file.model";
import { Video, type StoredCaptions } from "./video.model";

interface CaptionsChange {
  video: Types.ObjectId;
  /** BCP 47, canonical. */
  language: string;
  /** What is there from now on, if anything. */
  next: StoredCaptions | null;
  /** Told which file the video lets go of. */
  drop: Drop;
}

/**
 * Gives a video captions in one language, replaces them or takes them away; answers what was there.
 * The other languages stay as they are, however many change at once.
 * @throws ApiError VIDEO_NOT_FOUND, CAPTIONS_FULL, CAPTIONS_NOT_FOUND when there is nothing to take
 */
export function changeCaptions(change: CaptionsChange): Promise<StoredCaptions | undefined> {
  const { video, language, next, drop } = change;
  return inTransaction([video.toHexString()], async (session) => {
    const document = await Video.findById(video, { captions: 1 }).session(session).lean();
    if (!document) {
      throw new ApiError("VIDEO_NOT_FOUND");
    }
    const all = document.captions ?? [];
    const before = all.find((captions) => captions.language === language);
    const others = all.filter((captions) => captions !== before);
    if (!next && !before) {
      throw new ApiError("CAPTIONS_NOT_FOUND");
    }
    if (next && others.length >= CAPTIONS_MAX) {
      throw new ApiError("CAPTIONS_FULL");
    }
    const captions = [...others, ...(next ? [next] : [])].sort(byLanguage);
    await Video.updateOne({ _id: video }, { $set: { captions } }, { session });
    if (before) {
      await drop(before.key, session);
    }
    return before;
  });
}

function byLanguage(a: StoredCaptions, b: StoredCaptions): number {
  return a.language < b.language ? -1 : 1;
}
