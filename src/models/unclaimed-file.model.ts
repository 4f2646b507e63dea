import { Schema, model, type ClientSession } from "mongoose";

/**
 * The ledger of stored files that no document owns: a key stands here from before its file is
 * stored until the document that names it is saved, and again once that document lets go of it.
 * Whatever stands here when its time has come is removed, so a crash at any moment leaves no file behind.
 */
interface UnclaimedFile {
  key: string;
  removeAfter: Date;
}

/** Notes a file that a save lets go of, as a part of the save's own transaction. */
export type Drop = (key: string, session: ClientSession) => Promise<void>;

/** Names those of the files before a change that are none after it. */
export async function dropReplaced(
  files: { before: string[]; after: string[] },
  drop: Drop,
  session: ClientSession,
): Promise<void> {
  for (const key of files.before.filter((file) => !files.after.includes(file))) {
    await drop(key, session);
  }
}

const unclaimedFileSchema = new Schema<UnclaimedFile>({
  key: { type: String, required: true },
  removeAfter: { type: Date, required: true },
});

unclaimedFileSchema.index({ key: 1 }, { unique: true });
unclaimedFileSchema.index({ removeAfter: 1 });

export const UnclaimedFile = model("UnclaimedFile", unclaimedFileSchema);
