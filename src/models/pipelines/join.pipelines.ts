import type { PipelineStage, Types } from "mongoose";

/** Owner fields that every reply shows; nothing else of a user is read. */
const OWNER_FIELDS = { username: 1, fullName: 1, avatar: 1 } as const;

/** Joins each video's owner. Runs on a page that is cut already. */
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
    // An owner who is being removed takes his videos along; until then they have none to show.
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

/** Says of each video whether the viewer likes it. */
export function joinIsLiked(viewer: Types.ObjectId | undefined): PipelineStage[] {
  return joinFlag(
    "isLiked",
    viewer && {
      from: "likes",
      localField: "_id",
      foreignField: "target",
      pipeline: [
        { $match: { kind: "video", user: viewer } },
        { $limit: 1 },
        { $project: { _id: 1 } },
      ],
    },
  );
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
