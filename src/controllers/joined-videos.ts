import { trusted, type Types } from "mongoose";
import { joinIsLiked, joinOwner } from "../models/pipelines/join.pipelines";
import { Video, visibleTo } from "../models/video.model";
import type { JoinedVideo } from "../presenters/video.presenter";

/** Reads the videos of one page by their ids, in the order given, without those the viewer may not see. */
export async function joinedVideos(
  ids: Types.ObjectId[],
  viewer: Types.ObjectId | undefined,
): Promise<JoinedVideo[]> {
  const rows = await Video.aggregate<JoinedVideo>([
    { $match: { _id: trusted({ $in: ids }), ...visibleTo(viewer) } },
    ...joinOwner(),
    ...joinIsLiked("video", viewer),
  ]);
  const byId = new Map(rows.map((row) => [row._id.toHexString(), row]));
  return ids.flatMap((id) => byId.get(id.toHexString()) ?? []);
}
