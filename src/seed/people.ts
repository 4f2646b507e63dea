import { join } from "node:path";
import type { Types } from "mongoose";
import { newKey, saveWithFiles, type NewFile } from "../jobs/files";
import { SeededUser } from "../models/seed.model";
import { User } from "../models/user.model";
import { withHashSlot } from "../services/passwords";
import type { SeedPerson } from "./content";
import { drawAvatar, drawCover } from "./pictures";

/** Somebody of the seed who has an account now. */
export interface Account {
  _id: Types.ObjectId;
  username: string;
  person: SeedPerson;
}

/** Registers a person, under a name near by when somebody else has his. */
export async function register(
  person: SeedPerson,
  folder: string,
  account: { password: string; createdAt: Date },
): Promise<Account> {
  const user = new User({ fullName: person.fullName, ...account });
  // Entered before it exists: whatever happens next, it can be taken away again.
  await SeededUser.create({ _id: user._id, part: "world" });
  const stored = await pictures(person, user._id, folder);
  const [avatar, coverImage] = stored.map((file) => file.key);
  const username = await freeName(person.username);
  user.set({ username, email: `${username}@example.com`, avatar, coverImage });
  await saveWithFiles(stored, () => withHashSlot(() => user.save()));
  return { _id: user._id, username, person };
}

async function freeName(wanted: string): Promise<string> {
  for (let n = 1; ; n += 1) {
    const username = n === 1 ? wanted : `${wanted}_${n}`;
    const email = `${username}@example.com`;
    if (!(await User.exists({ $or: [{ username }, { email }] }))) {
      return username;
    }
  }
}

async function pictures(
  person: SeedPerson,
  _id: Types.ObjectId,
  folder: string,
): Promise<NewFile[]> {
  const [avatar, cover] = ["avatar", "cover"].map((kind) =>
    join(folder, `${person.username}-${kind}.webp`),
  ) as [string, string];
  await Promise.all([drawAvatar(person, avatar), drawCover(person, cover)]);
  return [avatar, cover].map((path) => ({
    key: newKey("users", _id, "webp"),
    path,
    contentType: "image/webp",
  }));
}
