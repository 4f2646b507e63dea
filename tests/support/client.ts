import { readFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { makeClip } from "./clips";
import { png } from "./people";

/** A client of a server in another process, speaking plain HTTP as any frontend does. */
export interface Reply {
  status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a reply's body is looked into freely
  body: any;
  headers: Headers;
}

export async function call(url: string, init?: RequestInit): Promise<Reply> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  return {
    status: response.status,
    body: isJson ? JSON.parse(text) : text,
    headers: response.headers,
  };
}

export const PASSWORD = "correct horse battery";

export function newName(): string {
  return `u${randomBytes(6).toString("hex")}`;
}

export async function register(
  url: string,
  username = newName(),
  headers: Record<string, string> = {},
): Promise<Reply> {
  const form = new FormData();
  const fields = { username, fullName: "U", email: `${username}@example.com`, password: PASSWORD };
  Object.entries(fields).forEach(([name, value]) => form.set(name, value));
  form.set("avatar", new Blob([new Uint8Array(await png())]), "a.png");
  return call(`${url}/users/register`, { method: "POST", headers, body: form });
}

export function login(
  url: string,
  username: string,
  headers: Record<string, string> = {},
): Promise<Reply> {
  return call(`${url}/users/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
}

/** Registers and signs in; answers the header that authenticates. */
export async function signedIn(url: string): Promise<Record<string, string>> {
  const { body } = await register(url);
  const session = await login(url, body.data.username as string);
  return { Authorization: `Bearer ${session.body.data.accessToken}` };
}

export async function publish(
  url: string,
  headers: Record<string, string>,
  fields: Record<string, string> = {},
): Promise<Reply> {
  const form = new FormData();
  Object.entries({ title: "A walk", ...fields }).forEach(([name, value]) => form.set(name, value));
  form.set("videoFile", new Blob([new Uint8Array(await readFile(await makeClip()))]), "a.mp4");
  return call(`${url}/videos`, { method: "POST", headers, body: form });
}
