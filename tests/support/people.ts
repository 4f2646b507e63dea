import { randomBytes } from "node:crypto";
import sharp from "sharp";
import { Session } from "../../src/models/session.model";
import { User } from "../../src/models/user.model";
import { api } from "./api";

/** A signed-in user of a test. */
export interface Member {
  _id: string;
  username: string;
  accessToken: string;
}

/** A user who registered and signed in as clients do. */
export interface Person extends Member {
  email: string;
  password: string;
  refreshToken: string;
}

/** A small valid PNG. */
export function png(width = 32, height = 32): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: "#4b3fd1" } })
    .png()
    .toBuffer();
}

/** Fields that register a user nobody else has registered. */
export function newAccount(overrides: Record<string, string> = {}) {
  const unique = randomBytes(6).toString("hex");
  return {
    fullName: "Asha Rao",
    username: `asha_${unique}`,
    email: `asha_${unique}@example.com`,
    password: "correct horse battery",
    ...overrides,
  };
}

/** Registers a user with an avatar. */
export async function register(account = newAccount()) {
  return api("post", "/users/register")
    .field(account)
    .attach("avatar", await png(), "me.png");
}

/** Signs in by username; each call is a session of its own. */
export async function login(account: { username: string; password: string }) {
  const { username, password } = account;
  const { body } = await api("post", "/users/login").send({ username, password }).expect(200);
  return body.data as { accessToken: string; refreshToken: string };
}

/** A new user, signed in. */
export async function newPerson(overrides: Record<string, string> = {}): Promise<Person> {
  const account = newAccount(overrides);
  const { body } = await register(account).then((response) => {
    expect(response.status).toBe(201);
    return response;
  });
  return { ...account, _id: body.data._id, ...(await login(account)) };
}

/** Many signed-in users at once, written past the API: they have no files and no password that works. */
export async function newCrowd(size: number): Promise<Member[]> {
  const users = Array.from({ length: size }, () => {
    const user = new User(newAccount());
    return user.set({ avatar: `users/${user.id}/none.webp` });
  });
  const now = Date.now();
  const sessions = users.map(
    (user) =>
      new Session({
        user: user._id,
        tokenHash: user.id,
        rotatedAt: now,
        expiresAt: now + 24 * 60 * 60 * 1000,
      }),
  );
  await Promise.all([User.insertMany(users), Session.insertMany(sessions)]);
  return users.map((user, i) => ({
    _id: user.id,
    username: user.username,
    accessToken: user.generateAccessToken(sessions[i]!._id),
  }));
}
