import type { PipelineStage, Types } from "mongoose";
import type { Likeable } from "../like.model";
import { visibleTo } from "../video.model";

/** Owner fields that every reply shows; nothing else of a user is read. */
const OWNER_FIELDS = { username: 1, fullName: 1, avatar: 1 } as const;

/** Joins the owner of each video, comment, tweet or playlist. Runs on a page that is cut already. */
export function joinOwner(fields: Record<string, 1> = OWNER_FIELDS): PipelineStage[] {
  return [
    {
      $lookup: {
        from: "users",
        localField: "owner",
        foreignField: "_id",
        pipeline: [{ $project: fields }],
        as: "owner",
      },
    },
    // An owner who was removed takes his things along; until they are cleared they have none to show.
    { $unwind: "$owner" },
  ];
}

/** Joins the owner as the video's own page shows him, with the count of his subscribers. */
export function joinChannel(viewer: Types.ObjectId | undefined): PipelineStage[] {
  return [
    ...joinOwner({ ...OWNER_FIELDS, subscribersCount: 1 }),
    ...joinFlag(
      "owner.isSubscribed",
      viewer && {
        from: "subscriptions",
        localField: "owner._id",
        foreignField: "channel",
        pipeline: [{ $match: { subscriber: viewer } }, { $limit: 1 }, { $project: { _id: 1 } }],
      },
    ),
  ];
}

/** Says of each video, comment or tweet whether the viewer likes it. */
export function joinIsLiked(kind: Likeable, viewer: Types.ObjectId | undefined): PipelineStage[] {
  return joinFlag(
    "isLiked",
    viewer && {
      from: "likes",
      localField: "_id",
      foreignField: "target",
      pipeline: [{ $match: { kind, user: viewer } }, { $limit: 1 }, { $project: { _id: 1 } }],
    },
  );
}

/** Says of each user whether the viewer follows him. */
export function joinIsSubscribed(viewer: Types.ObjectId | undefined): PipelineStage[] {
  return joinFlag(
    "isSubscribed",
    viewer && {
      from: "subscriptions",
      localField: "_id",
      foreignField: "channel",
      pipeline: [{ $match: { subscriber: viewer } }, { $limit: 1 }, { $project: { _id: 1 } }],
    },
  );
}

/** Leaves out the rows, such as likes, whose video the viewer may not see. */
export function onlyVisibleVideos(
  field: string,
  viewer: Types.ObjectId | undefined,
): PipelineStage[] {
  return [
    {
      $lookup: {
        from: "videos",
        localField: field,
        foreignField: "_id",
        pipeline: [{ $match: visibleTo(viewer) }, { $project: { _id: 1 } }],
        as: "visible",
      },
    },
    { $match: { visible: { $ne: [] } } },
    { $unset: "visible" },
  ];
}

type Lookup = Omit<PipelineStage.Lookup["$lookup"], "as">;

/** Sets a field to whether the lookup finds anything; without a lookup (nobody is signed in) to false. */
function joinFlag(field: string, lookup: Lookup | undefined): PipelineStage[] {
  return lookup === undefined
    ? [{ $set: { [field]: false } }]
    : [
        { $lookup: { ...lookup, as: "found" } },
        { $set: { [field]: { $gt: [{ $size: "$found" }, 0] } } },
        { $unset: "found" },
      ];
}
