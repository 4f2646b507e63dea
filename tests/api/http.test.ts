import { connect } from "node:net";
import { text as readText } from "node:stream/consumers";
import supertest from "supertest";
import mongoose from "mongoose";
import { Video } from "../../src/models/video.model";
import { failureSchema } from "../../src/validations/common.validation";
import { api, origin, useApi } from "../support/api";
import { newPerson } from "../support/people";

useApi();

/** What the server answers to these bytes. */
function sendRaw(request: string): Promise<string> {
  const { hostname, port } = new URL(origin());
  const socket = connect(Number(port), hostname);
  // Whoever hangs up before the answer is not answered.
  socket.once("data", () => socket.end()).write(request);
  return readText(socket);
}

describe("every reply", () => {
  it("is JSON of one shape where there is no such endpoint", async () => {
    for (const path of ["/nowhere", "/users", "/users/login/more", "/videos/x/y/z"]) {
      const { body } = await api("get", path).expect(404);
      expect(body.code).toBe("ROUTE_NOT_FOUND");
    }
    const outside = await supertest(origin()).get("/nowhere").expect(404);
    expect(outside.body.code).toBe("ROUTE_NOT_FOUND");
  });

  it("names the methods that a path knows when it is asked by another", async () => {
    const response = await api("put", "/videos").expect(405);
    expect(response.get("Allow")).toBe("GET, POST");
    await api("delete", "/users/login").expect(405);
  });

  it("is the same with a slash at the end", async () => {
    await api("get", "/videos/").expect(200);
    await api("get", "/healthcheck/").expect(200);
  });

  it("carries the request's id, a proxy's if it sent a proper one", async () => {
    const own = await api("get", "/healthcheck").set("X-Request-Id", "from-the-proxy-1");
    expect(own.get("X-Request-Id")).toBe("from-the-proxy-1");
    const odd = await api("get", "/healthcheck").set("X-Request-Id", "a b\tc");
    expect(odd.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("has the protective headers and does not name its framework", async () => {
    const response = await api("get", "/videos");
    expect(response.get("X-Powered-By")).toBeUndefined();
    expect(response.get("X-Content-Type-Options")).toBe("nosniff");
    expect(response.get("Content-Security-Policy")).toContain("default-src 'self'");
  });

  it("says what is left of the rate limit", async () => {
    const response = await api("get", "/videos");
    expect(response.get("RateLimit-Policy")).toMatch(/^"reads";q=\d+;w=60$/);
    expect(response.get("RateLimit")).toMatch(/^"reads";r=\d+;t=\d+$/);
  });

  it("answers 400 to a path that cannot be decoded", async () => {
    await api("get", "/videos/%E0%A4%A").expect(400);
  });

  it.each([
    ["an address of 20 kB", `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ["headers of 20 kB", `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ["what is not HTTP", "hello\r\n\r\n", 400],
    ["two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
    ["no host", "GET /api/v1/videos HTTP/1.1\r\n\r\n", 400],
    ["a host that is two", "GET /api/v1/videos HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
    ["a host with a path", "GET /api/v1/videos HTTP/1.1\r\nHost: evil.example/x?\r\n\r\n", 400],
    ["a host with markup", 'GET /api/v1/videos HTTP/1.1\r\nHost: x"><b>\r\n\r\n', 400],
    ["a host with a user", "GET /api/v1/videos HTTP/1.1\r\nHost: me@evil.example\r\n\r\n", 400],
  ])("answers %s in the same shape", async (_name, request, status) => {
    const reply = await sendRaw(request);
    expect(reply).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    const failure = failureSchema.parse(JSON.parse(reply.slice(reply.indexOf("{"))));
    expect(failure.statusCode).toBe(status);
  });

  it("takes an expectation that nobody knows for none", async () => {
    const request = "GET /api/v1/healthcheck HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n";
    expect(await sendRaw(request)).toMatch(/^HTTP\/1.1 200 /);
  });

  it("has addresses that lead here where HTTP/1.0 names no host", async () => {
    const { username } = await newPerson();
    const reply = await sendRaw(`GET /api/v1/users/c/${username} HTTP/1.0\r\n\r\n`);
    expect(reply).toContain(`"avatar":"${origin()}/api/v1/media/users/`);
  });

  it("answers 415 to a charset nobody knows", async () => {
    await api("post", "/users/login")
      .set("Content-Type", "application/json; charset=klingon")
      .send("{}")
      .expect(415);
  });
});

describe("CORS", () => {
  it("allows the listed origins with credentials, and no other", async () => {
    const allowed = await api("get", "/videos").set("Origin", "https://app.example.com");
    expect(allowed.get("Access-Control-Allow-Origin")).toBe("https://app.example.com");
    expect(allowed.get("Access-Control-Allow-Credentials")).toBe("true");
    expect(allowed.get("Vary")).toContain("Origin");
    for (const origin of [
      "https://evil.example",
      "null",
      "https://app.example.com:81",
      "https://app.example.com.evil.example",
    ]) {
      const refused = await api("get", "/videos").set("Origin", origin);
      expect(refused.get("Access-Control-Allow-Origin")).toBeUndefined();
    }
  });

  it("answers preflights", async () => {
    const response = await api("options", "/videos")
      .set("Origin", "https://app.example.com")
      .set("Access-Control-Request-Method", "PATCH")
      .set("Access-Control-Request-Headers", "authorization,content-type")
      .expect(204);
    expect(response.get("Access-Control-Allow-Methods")).toContain("PATCH");
    expect(response.get("Access-Control-Max-Age")).toBe("600");
  });
});

describe("GET /healthcheck", () => {
  it("answers as long as the process does", async () => {
    const { body } = await api("get", "/healthcheck").expect(200);
    expect(body.data).toEqual({ status: "ok" });
  });

  it("is ready when database, storage and indexes are there, and names an index that is missing", async () => {
    await api("get", "/healthcheck/ready").expect(200);
    await Video.collection.dropIndex("search");
    const { body } = await api("get", "/healthcheck/ready").expect(503);
    expect(body).toMatchObject({ code: "NOT_READY", errors: [{ path: "index videos" }] });
    expect(body.errors[0].message).toContain("title");
    await Video.createIndexes();
    await api("get", "/healthcheck/ready").expect(200);
  });
});

describe("queries", () => {
  it("never see an operator that came from a client", async () => {
    const seen: unknown[] = [];
    mongoose.set("debug", (_collection, _method, ...args: unknown[]) => seen.push(args));
    const asha = await newPerson();
    seen.length = 0;
    const attacks = [{ $gt: "" }, { $ne: null }, { $regex: ".*" }, { $where: "1" }];
    for (const attack of attacks) {
      await api("post", "/users/login").send({ username: attack, password: attack }).expect(400);
      await api("post", "/users/login").send({ email: attack, password: "x" }).expect(400);
      await api("post", "/users/refresh-token").send({ refreshToken: attack }).expect(400);
    }
    for (const query of ["userId[$ne]=x", "query[$gt]=", "tag[$ne]=x"]) {
      await api("get", `/videos?${query}`, asha.accessToken);
    }
    mongoose.set("debug", false);
    expect(JSON.stringify(seen)).not.toMatch(/\$(ne|regex|where)|"\$gt":""/);
  });
});
