import { readFile } from "node:fs/promises";
import mongoose from "mongoose";
import { Video } from "../../src/models/video.model";
import { operations } from "../../src/validations";
import type { Operation } from "../../src/validations/operation";
import { api, useApi } from "../support/api";
import { pathOf, send, operationNamed, validCall, type Call } from "../support/calls";
import { falseCounters } from "../support/counters";
import {
  MARK,
  UNKNOWN_MEMBERS,
  fieldsOf,
  hostileTexts,
  hostileValues,
  isForbidden,
  isForbiddenText,
  isUnstorable,
  seeded,
  type Field,
} from "../support/hostile";
import { ask, inParallel, type Reply, type Sent } from "../support/keep-alive";
import { newAccount, type Person } from "../support/people";
import { snapshot } from "../support/snapshot";
import { newThings, removedPerson, type Things } from "../support/things";
import { PIECE } from "../support/tus";

/*
 * Every field that the OpenAPI document has is sent in every wrong way we know of, by every caller
 * and in every kind of body. The document decides what has to be refused.
 */

useApi();

/** Decides the random texts and the order; HOSTILE_SEED tries another one. */
const SEED = Number(process.env.HOSTILE_SEED ?? 20_260_101);

/** What they do cannot be done again, or is slow: they get only what must be refused. */
const ONCE = [
  ...["registerUser", "loginUser", "logoutUser", "refreshAccessToken", "changePassword"],
  ...[
    "deleteCurrentUser",
    "deleteSession",
    "deleteVideo",
    "deleteCaptions",
    "deleteComment",
    "deleteTweet",
  ],
  ...["deletePlaylist", "publishVideo", "updateAvatar", "updateCoverImage"],
  ...["resumeUpload", "terminateUpload"],
];

/** Judged by a hash or a signature, never stored. */
const SECRETS = ["password", "oldPassword", "refreshToken"];

type Encoding = "json" | "urlencoded" | "multipart";

interface Attack {
  name: string;
  caller: string;
  what: string;
  sent: Sent;
  /** Whether the document forbids what is sent. */
  forbidden: boolean;
  access: Operation["access"];
}

let things: Things;
let others: Things;
let ids: string[];
let people: Record<string, Person | undefined>;

beforeAll(async () => {
  things = await newThings();
  others = await newThings();
  await api("delete", `/tweets/${others.tweet}`, others.owner.accessToken).expect(200);
  ids = [
    ...[others.video._id, others.comment, others.playlist, others.owner._id],
    // A tweet that is gone, a removed user, nobody.
    ...[others.tweet, (await removedPerson())._id, "0".repeat(24)],
  ];
  people = { anonymous: undefined, "signed in": things.stranger, owner: things.owner };
});

/** All attacks upon one operation. */
async function attacksOn(name: string): Promise<Attack[]> {
  const operation = operationNamed(name);
  const random = seeded(SEED + [...operations.keys()].indexOf(name));
  const attacks: Attack[] = [];
  for (const [caller, person] of Object.entries(people)) {
    const call = await validCall(name, things, person);
    const add = (what: string, forbidden: boolean, sent: Partial<Sent>) => {
      const isSafe = forbidden || !ONCE.includes(name) || caller === "anonymous";
      if (isSafe && !(caller === "anonymous" && !forbidden && operation.access === "public")) {
        const { method } = operation;
        const piece = call.piece && { body: call.piece, headers: { "content-type": PIECE } };
        const headers = { ...call.headers, ...piece?.headers };
        const base = { method, path: pathOf(operation.path, call), ...piece, headers };
        const whole = { ...base, token: person?.accessToken, ...sent };
        attacks.push({ name, caller, what, forbidden, access: operation.access, sent: whole });
      }
    };
    for (const field of fieldsOf(operation)) {
      attackField(operation, call, field, await encoder(call), random, add, caller === "owner");
    }
    attackShape(operation, call, await encoder(call), add);
  }
  return shuffled(attacks, random);
}

type Add = (what: string, forbidden: boolean, sent: Partial<Sent>) => void;

function attackField(
  operation: Operation,
  call: Call,
  field: Field,
  encode: Encode,
  random: () => number,
  add: Add,
  forms: boolean,
): void {
  const { name, place, schema, allowsEmpty } = field;
  const texts = hostileTexts(field, ids, random);
  if (place === "path") {
    for (const text of texts.filter((value) => value !== "" && !/^\.*$/.test(value))) {
      const path = rawPath(operation.path, call, name, text);
      add(`${name}=${shown(text)}`, text.isWellFormed() && isForbiddenText(schema, text), { path });
    }
    return;
  }
  if (place === "query") {
    const path = pathOf(operation.path, { ...call, query: {} });
    for (const text of texts) {
      const isLeftOpen = allowsEmpty && text === "";
      const isRefused = isForbiddenText(schema, text) || isUnstorable(text);
      const forbidden = text.isWellFormed() && isRefused && !isLeftOpen;
      add(`?${name}=${shown(text)}`, forbidden, { path: `${path}${name}=${encoded(text)}` });
    }
    add(`?${name} twice`, true, { path: `${path}${name}=1&${name}=${MARK}` });
    add(`?${name}[$gt]`, false, { path: `${path}${name}[$gt]=${MARK}&${name}[]=${MARK}` });
    return;
  }
  const body = call.body ?? {};
  // The kinds of body differ in their parsers only, for whom one caller is as good as another.
  const encodings = forms ? (["urlencoded", "multipart"] as const) : [];
  // A required file comes in a form only.
  const values = call.files === undefined ? [...texts, ...hostileValues(field)] : [];
  for (const value of values) {
    const isSecret = SECRETS.includes(name) && typeof value === "string";
    const forbidden = !isSecret && (isForbidden(field, value) || isUnstorable(value));
    add(`${name}: ${shown(value)}`, forbidden, encode("json", { ...body, [name]: value }));
  }
  for (const encoding of encodings) {
    for (const text of texts.filter((value) => value.isWellFormed())) {
      const isForm =
        isForbiddenText(schema, text) || (isUnstorable(text) && schema.type === "string");
      const forbidden = !SECRETS.includes(name) && isForm;
      const sent = encode(encoding, { ...body, [name]: text });
      add(`${encoding} ${name}=${shown(text)}`, forbidden, sent);
    }
    const rest = { ...body, [name]: undefined };
    add(`${encoding} without ${name}`, field.required, encode(encoding, rest));
    const isList = [schema.type].flat().includes("array");
    add(`${encoding} ${name} twice`, !isList, encode(encoding, { ...body, [name]: [MARK, MARK] }));
    const nested = { ...rest, [`${name}[$gt]`]: MARK, [`${name}[__proto__][x]`]: MARK };
    add(`${encoding} ${name}[$gt]`, field.required, encode(encoding, nested));
  }
}

/** What is wrong with the request as a whole. */
function attackShape(operation: Operation, call: Call, encode: Encode, add: Add): void {
  const path = pathOf(operation.path, { ...call, query: {} });
  for (const query of [
    ...[`${MARK}=${MARK}`, `$where=${MARK}`, `__proto__[x]=${MARK}`, `constructor=${MARK}`],
    ...["=", "&&&", "%", `%00=${MARK}`, `a=${"x".repeat(4000)}`, `${"a&".repeat(1500)}`],
  ]) {
    add(`?${query.slice(0, 20)}`, false, { path: path + query });
  }
  if (operation.body === undefined || operation.consumes !== undefined) {
    return;
  }
  for (const member of UNKNOWN_MEMBERS) {
    const body = Object.assign({ ...call.body }, member);
    add(`with ${shown(member)}`, false, encode("json", withPrototype(body, member)));
  }
  const json = (text: string) => ({ body: text, headers: { "content-type": "application/json" } });
  for (const text of [
    "",
    "null",
    "[]",
    `["${MARK}"]`,
    "1",
    '"x"',
    "{",
    "}",
    "{}{}",
    "[".repeat(5000),
  ]) {
    add(`JSON ${text.slice(0, 10)}`, isNoJsonObject(text), json(text));
  }
  for (const type of [
    "text/plain",
    "application/xml",
    "multipart/form-data",
    "application/json; charset=x",
  ]) {
    add(type, false, { body: MARK, headers: { "content-type": type } });
  }
}

/** Of what is no JSON, and of JSON that is no object. */
function isNoJsonObject(text: string): boolean {
  return text !== "" && text !== "[]" && text !== `["${MARK}"]`;
}

/** Object.assign would set the prototype instead of a member of that name. */
function withPrototype(body: object, member: unknown): object {
  if (!Object.hasOwn(member as object, "__proto__")) {
    return body;
  }
  const text = JSON.stringify(body).replace(/}$/, "");
  return JSON.parse(
    `${text}${text === "{" ? "" : ","}"__proto__":{"polluted":"${MARK}"}}`,
  ) as object;
}

type Encode = (encoding: Encoding, body: object) => Pick<Sent, "body" | "headers">;

/** Writes bodies of the call; where it has files every body is multipart, else none would get further. */
async function encoder(call: Call): Promise<Encode> {
  const files = await Promise.all(
    Object.entries(call.files ?? {}).map(async ([name, file]) => {
      return [name, typeof file === "string" ? await readFile(file) : file] as const;
    }),
  );
  return (encoding, body) => {
    if (encoding === "json" && files.length === 0) {
      return { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    }
    const pairs = Object.entries(body).flatMap(([name, value]) =>
      value === undefined ? [] : [value].flat().map((entry) => [name, formText(entry)] as const),
    );
    if (encoding === "urlencoded" && files.length === 0) {
      const text = pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&");
      return { body: text, headers: { "content-type": "application/x-www-form-urlencoded" } };
    }
    return multipart(pairs, files);
  };
}

function formText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

const BOUNDARY = "----hostile";

function multipart(
  pairs: (readonly [string, string])[],
  files: (readonly [string, Buffer])[],
): Pick<Sent, "body" | "headers"> {
  const head = (name: string, more = "") =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
  const parts = [
    ...pairs.map(([name, value]) => Buffer.from(`${head(name)}${value}\r\n`)),
    ...files.flatMap(([name, file]) => [
      Buffer.from(head(name, `; filename="${MARK}.png"`)),
      file,
      Buffer.from("\r\n"),
    ]),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ];
  const type = `multipart/form-data; boundary=${BOUNDARY}`;
  return { body: Buffer.concat(parts), headers: { "content-type": type } };
}

/** Percent-encoded; a lone surrogate as the bytes that UTF-8 forbids. */
function encoded(text: string): string {
  return [...text].map((c) => (c.isWellFormed() ? encodeURIComponent(c) : "%ED%A0%80")).join("");
}

function rawPath(path: string, call: Call, name: string, text: string): string {
  const filled = path.replace(new RegExp(`:${name}\\b`), () => encoded(text).replace(/:/g, "%3A"));
  return pathOf(filled, call);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "left out").slice(0, 60);
}

function shuffled<T>(items: T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** What is wrong with the reply, if anything. */
async function problemWith(attack: Attack): Promise<object[]> {
  const { sent, ...facts } = attack;
  try {
    const reply = await ask(sent);
    const allowed = allowedStatuses(attack);
    return reply.status < 500 && (allowed === undefined || allowed.includes(reply.status))
      ? []
      : [{ seed: SEED, ...facts, path: sent.path.slice(0, 200), ...answered(reply) }];
  } catch (error) {
    return [{ seed: SEED, ...facts, path: sent.path.slice(0, 200), error: String(error) }];
  }
}

/** Whoever may not call gets his own refusal first; 413 is for what is too long to be looked at. */
function allowedStatuses({ caller, access, forbidden }: Attack): number[] | undefined {
  if (caller === "anonymous" && access === "required") {
    return [400, 401, 413, 415];
  }
  if (!forbidden) {
    return undefined;
  }
  return caller === "owner" || access === "public" ? [400, 413] : [400, 403, 404, 413];
}

function answered({ status, text }: Reply) {
  return { status, text: text.slice(0, 300) };
}

const names = [...operations.keys()].filter(
  (name) => operationNamed(name).produces !== "text/html",
);

describe("hostile input", () => {
  it("is at least twenty thousand requests", async () => {
    const counts = await Promise.all(names.map(async (name) => (await attacksOn(name)).length));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(20_000);
  });

  it.each(names)(
    "to %s is refused where the document forbids it, and breaks nothing",
    async (name) => {
      const attacks = await attacksOn(name);
      const problems = (await inParallel(attacks, problemWith)).flat();
      expect(problems.slice(0, 10)).toEqual([]);
      expect(await stored()).not.toContain(MARK);
      expect(await falseCounters()).toEqual([]);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    },
    300_000,
  );
});

/** All documents as text; failed logins are counted by what was typed. */
async function stored(): Promise<string> {
  return JSON.stringify(await snapshot(["loginattempts"]));
}

describe("in particular", () => {
  let owner: Person;
  let token: string;

  beforeEach(async () => {
    things = await newThings();
    ({ owner } = things);
    token = owner.accessToken;
  });

  afterEach(async () => {
    expect(await falseCounters()).toEqual([]);
  });

  it("nobody replies on one video to a comment on another", async () => {
    const before = await snapshot();
    for (const parent of [others.comment, others.reply, things.tweet, things.video._id]) {
      const body = { content: "Hm", parent };
      const reply = await api("post", `/comments/${things.video._id}`, token)
        .send(body)
        .expect(404);
      expect(reply.body.code).toBe("COMMENT_NOT_FOUND");
    }
    expect(await snapshot()).toEqual(before);
  });

  it("an order that is not one of the playlist's videos, each once, changes nothing", async () => {
    const [a, b] = [things.video._id, things.second._id];
    const before = await snapshot();
    for (const videos of [
      [],
      [a],
      [a, a],
      [a, b, a],
      [a, b, things.spare._id],
      [a, others.video._id],
    ]) {
      await api("patch", `/playlist/${things.playlist}/order`, token).send({ videos }).expect(400);
    }
    expect(await snapshot()).toEqual(before);
  });

  it("nobody subscribes to himself", async () => {
    const before = await snapshot();
    for (const id of [owner._id, owner._id.toUpperCase()]) {
      const { body } = await api("post", `/subscriptions/c/${id}`, token).expect(400);
      expect(body.code).toBe("SELF_SUBSCRIPTION");
    }
    expect(await snapshot()).toEqual(before);
  });

  it("what is submitted twice at once is done once, or as often as it was counted", async () => {
    const twice = (name: string, times = 2) =>
      Promise.all(
        Array.from({ length: times }, async () => {
          const call = await validCall(name, things, owner);
          return (await send(operationNamed(name), call, token)).status;
        }),
      );
    expect((await twice("toggleVideoLike", 7)).sort()).toEqual([200, 200, 200, 201, 201, 201, 201]);
    expect(await twice("addVideoToPlaylist", 5)).toEqual([200, 200, 200, 200, 200]);
    expect(await twice("addComment", 5)).toEqual([201, 201, 201, 201, 201]);
    for (const name of ["deleteComment", "deleteTweet", "deletePlaylist", "deleteVideo"]) {
      const statuses = await twice(name, 3);
      expect(statuses).toContain(200);
      expect(statuses.filter((status) => status !== 200 && status !== 404)).toEqual([]);
    }
    const account = newAccount();
    const { files = {} } = await validCall("registerUser", things);
    const registered = await Promise.all(
      Array.from({ length: 4 }, () =>
        send(operationNamed("registerUser"), { body: account, files }),
      ),
    );
    expect(registered.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  });

  it("hostile search queries cost nothing: they are words of 64 characters at most, and no patterns", async () => {
    await Video.updateOne({ _id: things.video._id }, { $set: { title: "Zanzibar" } });
    const hostile = [
      ...[".*", "^", "(a+)+$", "a{1,99999}", "[", "\\", "*", "/./", "$where", '{"$gt":""}'],
      ...['"', '""', '"""', "-", "--", "-nowhere", '-"nowhere"', "-z ".repeat(21).trim()],
      ...["(".repeat(64), '"'.repeat(64), "\u202e", "😀".repeat(32)],
    ];
    for (const query of hostile) {
      const path = `/videos?limit=100&query=${encodeURIComponent(query)}`;
      const { body } = await api("get", path).expect(200);
      expect({ query, found: body.data.totalDocs }).toEqual({ query, found: 0 });
    }
    const { body } = await api("get", "/videos?query=-zanzibar").expect(200);
    expect(body.data.docs.map(({ _id }: { _id: string }) => _id)).toEqual([things.video._id]);
    const queries = await sentBy(() => api("get", `/videos?query=${"x".repeat(65)}`).expect(400));
    expect(queries).toBe(0);
    const costs = await sentBy(() => api("get", "/videos?query=%28a%2B%29%2B%24").expect(200));
    expect(costs).toBe(await sentBy(() => api("get", "/videos?query=walk").expect(200)));
  });
});

/** How many operations Mongoose sends meanwhile. */
async function sentBy(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  mongoose.set("debug", () => count++);
  try {
    await work();
  } finally {
    mongoose.set("debug", false);
  }
  return count;
}
