import { config } from "../../src/config/env";
import { signToken } from "../../src/utils/jwt";
import type { Operation } from "../../src/validations/operation";
import { api } from "./api";

type Method = Operation["method"];
/** An endpoint with ids that need not exist. */
type Endpoint = [method: Method, path: string];

/** An id that no document has. */
export const NO_ID = "0".repeat(24);

/** What is no id; each goes into a path as it stands. */
export const MALFORMED_IDS = ["x", "0".repeat(23), "0".repeat(25), "z".repeat(24), "%24gt", "%00"];

/** A genuine token whose time is over. */
export function expiredToken(): string {
  const claims = { sub: NO_ID, sid: NO_ID, typ: "access", jti: "x", iat: 1, exp: 2 } as const;
  return signToken(claims, config.auth.accessTokenSecret);
}

/** Endpoints for signed-in users: everybody else is told 401 before anything is looked at. */
export function needSignIn(endpoints: Endpoint[]): void {
  it.each(endpoints)("%s %s answers 401 without a good token", async (method, path) => {
    const anonymous = await api(method, path).expect(401);
    expect(anonymous.body.code).toBe("UNAUTHENTICATED");
    const forged = await api(method, path, "a.b.c").expect(401);
    expect(forged.body.code).toBe("INVALID_ACCESS_TOKEN");
    const late = await api(method, path, expiredToken()).expect(401);
    expect(late.body.code).toBe("ACCESS_TOKEN_EXPIRED");
    expect(late.body.message).toContain("jwt expired");
  });
}

/** Endpoints for everybody: only a token that was good once is refused, so that its client refreshes it. */
export function needNobody(endpoints: Endpoint[]): void {
  it.each(endpoints)("%s %s answers 401 to an expired token alone", async (method, path) => {
    const { status } = await api(method, path);
    expect([200, 404]).toContain(status);
    await api(method, path, "a.b.c").expect(status);
    const { body } = await api(method, path, expiredToken()).expect(401);
    expect(body.message).toContain("jwt expired");
  });
}

/** Endpoints that name a thing by `:id`: 400 for what is no id, 404 for the id of nothing. */
export function checkIds(
  endpoints: [method: Method, path: string, code: string][],
  token: () => string,
): void {
  it.each(endpoints)("%s %s answers 400 and 404 to bad ids (%s)", async (method, path, code) => {
    for (const id of MALFORMED_IDS) {
      const { body } = await api(method, path.replace(":id", id), token()).send({}).expect(400);
      expect(body.code).toBe("VALIDATION_FAILED");
    }
    const { body } = await api(method, path.replace(":id", NO_ID), token()).send({}).expect(404);
    expect(body.code).toBe(code);
  });
}

const BAD_PAGING = [
  ...["limit=0", "limit=-1", "limit=1.5", "limit=abc", "limit=", "limit=1e3", "limit=1&limit=2"],
  ...["page=0", "page=-1", "page=1.5", "page=abc", "page=", "page=1&page=2"],
  ...["cursor=", "cursor=nonsense", "cursor=W10", "cursor=a&cursor=b", "cursor=bnVsbA"],
];

/** A list that is cut by page, limit and cursor. */
export function checkPaging(
  path: () => string,
  { token, limit }: { token?: () => string; limit: number },
): void {
  it.each(BAD_PAGING)("answers 400 for ?%s", async (query) => {
    await api("get", `${path()}?${query}`, token?.()).expect(400);
  });

  it("serves a limit above 100 as 100, a far page as an empty one, and drops what it does not know", async () => {
    const facts = async (query: string) => {
      const { body } = await api("get", `${path()}${query}`, token?.()).expect(200);
      return { ...body.data, ...body.pagination, docs: docsOf(body) };
    };
    expect(await facts("")).toMatchObject({ page: 1, limit, hasPrevPage: false, prevPage: null });
    expect(await facts("?limit=100")).toMatchObject({ limit: 100 });
    expect(await facts("?limit=101")).toMatchObject({ limit: 100 });
    expect(await facts("?limit=1000000000")).toMatchObject({ limit: 100 });
    expect(await facts("?page=1000000000&limit=100")).toMatchObject({ docs: [], nextPage: null });
    expect(await facts("/?unknown=1&page[$gt]=2&limit=007")).toMatchObject({ page: 1, limit: 7 });
  });
}

/** What a list's reply holds, be it a page or a bare array. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a reply's body is looked into freely
export function docsOf(body: any): any[] {
  return Array.isArray(body.data) ? body.data : body.data.docs;
}

/** Walks a list by cursor to its end; the world may change between two pages. Answers the ids in order. */
export async function walk(
  path: string,
  token?: string,
  between?: (page: number) => Promise<unknown>,
): Promise<string[]> {
  const seen: string[] = [];
  let cursor = "";
  for (let page = 1; ; page++) {
    const { body } = await api("get", `${path}${cursor}`, token).expect(200);
    seen.push(...docsOf(body).map((doc: { _id: string }) => doc._id));
    const next = (body.pagination ?? body.data).nextCursor as string | null;
    if (next === null) {
      return seen;
    }
    cursor = `&cursor=${next}`;
    await between?.(page);
  }
}

/** The cursor behind the first page of a list. */
export async function cursorOf(path: string, token?: string): Promise<string> {
  const { body } = await api("get", path, token).expect(200);
  const { nextCursor } = body.pagination ?? body.data;
  expect(nextCursor).toEqual(expect.any(String));
  return nextCursor as string;
}

/** The ways in which clients send fields. */
export const BODY_KINDS = ["json", "urlencoded", "multipart"] as const;

/** A request with the fields in a body of the given kind. */
export function send(
  method: Method,
  path: string,
  token: string,
  kind: (typeof BODY_KINDS)[number],
  fields: Record<string, string>,
) {
  const request = api(method, path, token);
  switch (kind) {
    case "json":
      return request.send(fields);
    case "urlencoded":
      return request.type("form").send(fields);
    case "multipart":
      return request.field(fields);
  }
}
