import { randomBytes } from "node:crypto";
import {
  Schema,
  model,
  trusted,
  type ClientSession,
  type HydratedDocument,
  type Model,
  type Types,
} from "mongoose";
import { config } from "../config/env";
import { UPLOAD_ACTIVE_MS } from "../constants";
import { ApiError } from "../utils/ApiError";
import { inTransaction } from "./transaction";
import { User } from "./user.model";

/** What a resumable upload's creator says of the video, parsed, and the same as it was sent. */
interface Announcement {
  fields: { title: string; description: string; tags: string[]; isPublished: boolean };
  metadata: Record<string, string | null>;
}

/** Who writes to an upload's file now; a lease, renewed while the work goes on. */
interface UploadLock {
  /** Of this one taking. */
  token: string;
  /** The process: its machine, its id there and a number that no other run has. */
  host: string;
  pid: number;
  run: string;
  until: Date;
  /** Somebody else waits for it. */
  isWanted: boolean;
}

/** A video file on its way: it counts for the limits of its owner until it is a video. */
interface Upload {
  _id: string;
  owner: Types.ObjectId;
  /** The id of the video that it becomes, so that it never becomes two. */
  video: Types.ObjectId;
  /** Bytes; of a multipart upload the least that its file can have. */
  size: number;
  /** Null for a multipart upload, which is over with its request. */
  announcement: Announcement | null;
  lock: UploadLock | null;
  /** One of the owner's concurrent uploads until then. */
  activeUntil: Date;
  /** When the clean-up may take it. */
  expiresAt: Date;
  publishedAt: Date | null;
  createdAt: Date;
}

export type UploadDocument = HydratedDocument<Upload>;

interface UploadModel extends Model<Upload> {
  /**
   * Begins an upload, when its owner has room for it beside what he has and what is on its way.
   * @throws ApiError QUOTA_EXCEEDED, TOO_MANY_UPLOADS, INVALID_ACCESS_TOKEN when the account is gone
   */
  begin(upload: NewUpload): Promise<UploadDocument>;
  /** Keeps a multipart upload that is still received. */
  prolong(id: string): Promise<void>;
  /** The video has been saved, in the same transaction: what it was made of counts no more. */
  settle(video: Types.ObjectId, session: ClientSession): Promise<void>;
}

interface NewUpload {
  owner: Types.ObjectId;
  size: number;
  /** A new one when left out. */
  video?: Types.ObjectId;
  announcement?: Announcement;
}

const uploadSchema = new Schema<Upload, UploadModel>(
  {
    _id: { type: String, default: () => randomBytes(16).toString("hex") },
    owner: { type: Schema.Types.ObjectId, ref: "User", required: true },
    video: { type: Schema.Types.ObjectId, required: true, auto: true },
    size: { type: Number, required: true, min: 0 },
    announcement: { type: Schema.Types.Mixed, default: null },
    lock: { type: Schema.Types.Mixed, default: null },
    activeUntil: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    publishedAt: { type: Date, default: null },
  },
  { timestamps: { createdAt: true, updatedAt: false } },
);

uploadSchema.index({ owner: 1, publishedAt: 1, expiresAt: 1 });
uploadSchema.index({ video: 1 });
uploadSchema.index({ expiresAt: 1 });

uploadSchema.statics.begin = function begin(this: UploadModel, upload: NewUpload) {
  const { announcement = null, ...facts } = upload;
  const { owner, size } = facts;
  return inTransaction([owner.toHexString()], async (session) => {
    // Writing to the owner makes his other uploads and the removal of the account wait for this.
    const user = await User.findOneAndUpdate(
      { _id: owner },
      { $set: { uploadBegunAt: new Date() } },
      { session, timestamps: false, returnDocument: "after" },
    );
    if (!user) {
      throw new ApiError("INVALID_ACCESS_TOKEN");
    }
    const underway = await onTheWay(this, owner, session);
    refuseBeyondLimits(user, underway, size);
    const [begun] = await this.create([{ ...facts, announcement, ...leases(announcement) }], {
      session,
    });
    return begun!;
  });
};

uploadSchema.statics.prolong = async function prolong(this: UploadModel, id: string) {
  await this.updateOne({ _id: id }, { $set: leases(null) });
};

uploadSchema.statics.settle = async function settle(
  this: UploadModel,
  video: Types.ObjectId,
  session: ClientSession,
) {
  await this.updateOne({ video }, { $set: { publishedAt: new Date() } }, { session });
};

/** A multipart upload lives as long as its request is worked on, a resumable one its whole term. */
function leases(announcement: Announcement | null) {
  const activeUntil = new Date(Date.now() + UPLOAD_ACTIVE_MS);
  const expiresAt =
    announcement === null ? activeUntil : new Date(Date.now() + config.limits.uploadExpiry);
  return { activeUntil, expiresAt };
}

interface Underway {
  videos: number;
  bytes: number;
  active: number;
}

async function onTheWay(
  uploads: UploadModel,
  owner: Types.ObjectId,
  session: ClientSession,
): Promise<Underway> {
  const now = new Date();
  const rows = await uploads
    .find(
      { owner, publishedAt: null, expiresAt: trusted({ $gt: now }) },
      { size: 1, activeUntil: 1 },
    )
    .session(session)
    .lean();
  return {
    videos: rows.length,
    bytes: rows.reduce((sum, { size }) => sum + size, 0),
    active: rows.filter(({ activeUntil }) => activeUntil > now).length,
  };
}

function refuseBeyondLimits(
  { uploadsCount, storedBytes }: { uploadsCount: number; storedBytes: number },
  underway: Underway,
  size: number,
): void {
  const { videosPerUser, bytesPerUser, concurrentUploads } = config.limits;
  if (uploadsCount + underway.videos >= videosPerUser) {
    throw new ApiError("QUOTA_EXCEEDED", {
      message: `You may have ${videosPerUser} videos, unfinished uploads included`,
    });
  }
  if (storedBytes + underway.bytes + size > bytesPerUser) {
    throw new ApiError("QUOTA_EXCEEDED", {
      message: `Your videos may have ${bytesPerUser} bytes together, unfinished uploads included`,
    });
  }
  if (underway.active >= concurrentUploads) {
    throw new ApiError("TOO_MANY_UPLOADS", {
      message: `You may upload ${concurrentUploads} files at once; wait until one has arrived`,
      headers: { "Retry-After": String(UPLOAD_ACTIVE_MS / 1000) },
    });
  }
}

export const Upload = model<Upload, UploadModel>("Upload", uploadSchema);
