import { createHmac } from "node:crypto";
import jwt from "jsonwebtoken";
import mongoose from "mongoose";
import { config } from "../../src/config/env";
import { api, browser, useApi } from "../support/api";
import { login, newAccount, newPerson, register, type Person } from "../support/people";

useApi();

/** Moves the process's clock; timers and everything else run on. */
function travel(milliseconds: number): void {
  const now = Date.now() + milliseconds;
  jest.useFakeTimers({
    now,
    doNotFake: [
      "hrtime",
      "nextTick",
      "performance",
      "queueMicrotask",
      "setImmediate",
      "clearImmediate",
      "setInterval",
      "clearInterval",
      "setTimeout",
      "clearTimeout",
    ],
  });
}

afterEach(() => {
  jest.useRealTimers();
});

function refresh(refreshToken: string) {
  return api("post", "/users/refresh-token").send({ refreshToken });
}

function whoAmI(token: string) {
  return api("get", "/users/current-user", token);
}

describe("POST /users/login", () => {
  it("answers the same for a wrong password and for an unknown user", async () => {
    const asha = await newPerson();
    const wrong = await api("post", "/users/login")
      .send({ username: asha.username, password: "wrong password" })
      .expect(401);
    const unknown = await api("post", "/users/login")
      .send({ username: "nobody-at-all", password: "wrong password" })
      .expect(401);
    expect({ ...wrong.body, requestId: "" }).toEqual({ ...unknown.body, requestId: "" });
    expect(wrong.body).toMatchObject({
      message: "Invalid credentials",
      code: "INVALID_CREDENTIALS",
    });
  });

  it.each([
    ["no body", undefined],
    ["no password", { username: "asha" }],
    ["no name", { password: "correct horse battery" }],
    ["operators", { username: { $gt: "" }, password: { $gt: "" } }],
    ["an operator for the e-mail", { email: { $gt: "" }, password: "correct horse battery" }],
    ["lists", { username: ["a"], password: ["b"] }],
    ["null", null],
    ["a list for a body", []],
  ])("answers 400 for %s", async (_name, body) => {
    const request = api("post", "/users/login");
    await (body === undefined ? request : request.send(body as object)).expect(400);
  });

  it("opens no session with a password that is changed while it is compared", async () => {
    const asha = await newPerson();
    let isChanged = false;
    const tokens: string[] = [];
    const signInOverAndOver = async () => {
      while (!isChanged) {
        const { body } = await api("post", "/users/login").send({
          username: asha.username,
          password: asha.password,
        });
        tokens.push(...(body.success ? [body.data.accessToken as string] : []));
      }
    };
    const intruders = Array.from({ length: 20 }, signInOverAndOver);
    await api("post", "/users/change-password", asha.accessToken)
      .send({ oldPassword: asha.password, newPassword: "a brand new one" })
      .expect(200);
    isChanged = true;
    await Promise.all(intruders);
    for (const token of tokens) {
      await whoAmI(token).expect(401);
    }
    await login({ ...asha, password: "a brand new one" });
  });

  it("answers 400 for JSON that is none", async () => {
    const { body } = await api("post", "/users/login")
      .set("Content-Type", "application/json")
      .send("{oops")
      .expect(400);
    expect(body.code).toBe("INVALID_JSON");
  });

  it.each(["json", "form", "multipart"])("takes username or e-mail in a %s body", async (kind) => {
    const account = newAccount();
    await register(account);
    const names: Record<string, string>[] = [
      { username: account.username.toUpperCase() },
      { email: account.email.toUpperCase() },
      { username: account.email, email: "" },
      { username: account.username, email: account.email },
    ];
    for (const name of names) {
      const fields = { ...name, password: account.password };
      const request = api("post", "/users/login");
      const { body } = await (
        kind === "multipart" ? request.field(fields) : request.type(kind).send(fields)
      ).expect(200);
      expect(body.data.user).toMatchObject({ username: account.username, email: account.email });
    }
  });

  it("sets both cookies so that they work over plain http", async () => {
    const asha = await newPerson();
    const agent = browser();
    const response = await agent
      .post("/api/v1/users/login")
      .send({ email: asha.email, password: asha.password });
    const cookies = response.get("Set-Cookie") ?? [];
    expect(cookies).toHaveLength(2);
    for (const cookie of cookies) {
      expect(cookie).toMatch(/^(accessToken|refreshToken)=[^;]{100,}; .*HttpOnly; SameSite=Lax$/);
      expect(cookie).not.toMatch(/Secure/);
    }
    await agent.get("/api/v1/users/current-user").expect(200);
  });

  it("refuses the eleventh attempt at an account from one address, the right password too", async () => {
    const asha = await newPerson();
    const attempt = (password: string) =>
      api("post", "/users/login").send({ email: asha.email, password });
    const wrong = await Promise.all(Array.from({ length: 15 }, () => attempt("wrong password")));
    expect(wrong.filter((reply) => reply.status === 401)).toHaveLength(10);
    const refused = await attempt(asha.password).expect(429);
    expect(refused.body.code).toBe("TOO_MANY_LOGIN_ATTEMPTS");
    expect(Number(refused.get("Retry-After"))).toBeGreaterThan(0);
    expect(refused.get("RateLimit")).toMatch(/r=0/);
    await login(await newPerson());
  });

  it("forgives failed attempts after a right one", async () => {
    const asha = await newPerson();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5; i++) {
        await api("post", "/users/login")
          .send({ email: asha.email, password: "wrong password" })
          .expect(401);
      }
      await login(asha);
    }
  });

  it("does not believe a forwarded address when no proxy is trusted", async () => {
    const asha = await newPerson();
    const statuses = [];
    for (let i = 0; i < 12; i++) {
      const reply = await api("post", "/users/login")
        .set("X-Forwarded-For", `10.0.0.${i}`)
        .send({ email: asha.email, password: "wrong password" });
      statuses.push(reply.status);
    }
    expect(statuses.slice(10)).toEqual([429, 429]);
  });
});

describe("access tokens", () => {
  const { accessTokenSecret, refreshTokenSecret } = config.auth;
  let asha: Person;
  let claims: jwt.JwtPayload;

  beforeAll(async () => {
    asha = await newPerson();
    claims = jwt.decode(asha.accessToken) as jwt.JwtPayload;
  });

  const sign = (payload: object, secret = accessTokenSecret, options: jwt.SignOptions = {}) =>
    jwt.sign(payload, secret, { algorithm: "HS256", ...options });

  const unsigned = (payload: object) =>
    [{ alg: "none", typ: "JWT" }, payload]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".") + ".";

  /** Signs by hand, for what the library refuses to make. */
  const signedByHand = (header: object, payload: object) => {
    const text = [header, payload]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".");
    return `${text}.${createHmac("sha256", accessTokenSecret).update(text).digest("base64url")}`;
  };

  const forgeries: [string, () => string][] = [
    ["no signature", () => unsigned(claims)],
    ["alg none with our signature", () => signedByHand({ alg: "none" }, claims)],
    ["HS384", () => sign(claims, accessTokenSecret, { algorithm: "HS384" })],
    ["HS512", () => sign(claims, accessTokenSecret, { algorithm: "HS512" })],
    ["another secret", () => sign(claims, "x".repeat(48))],
    ["an empty payload", () => sign({})],
    ["the refresh secret", () => sign(claims, refreshTokenSecret)],
    ["the refresh token", () => asha.refreshToken],
    ["the kind refresh", () => sign({ ...claims, typ: "refresh" })],
    ["no kind", () => sign({ ...claims, typ: undefined })],
    ["another issuer", () => sign({ ...claims, iss: "someone-else" })],
    ["another audience", () => sign({ ...claims, aud: "someone-else" })],
    ["no issuer", () => sign({ ...claims, iss: undefined })],
    ["no expiry", () => signedByHand({ alg: "HS256" }, { ...claims, exp: undefined })],
    ["an expiry in the past", () => sign({ ...claims, exp: claims.iat! - 1 })],
    ["a start in the future", () => sign({ ...claims, nbf: claims.exp })],
    ["another user's id", () => sign({ ...claims, sub: "0".repeat(24) })],
    ["another session's id", () => sign({ ...claims, sid: "0".repeat(24) })],
    ["an operator for the session", () => sign({ ...claims, sid: { $ne: null } })],
    ["an operator for the user", () => sign({ ...claims, sub: { $ne: null } as never })],
    [
      "a changed payload",
      () => asha.accessToken.replace(/\.[^.]+\./, `.${Buffer.from("{}").toString("base64url")}.`),
    ],
    ["a word twice", () => `Bearer ${asha.accessToken}`],
    ["rubbish", () => "a.b.c"],
  ];

  it.each(forgeries)("opens nothing with %s", async (_name, forge) => {
    expect(sign(claims)).not.toBe("");
    const token = forge();
    await whoAmI(token).expect(401);
    await api("get", "/users/sessions").set("Cookie", `accessToken=${token}`).expect(401);
    await api("patch", "/users/update-account", token).send({ fullName: "Mallory" }).expect(401);
  });

  it("says jwt expired when the time is over, on optional routes too", async () => {
    travel(config.auth.accessTokenTtl + 1000);
    for (const path of ["/users/current-user", "/videos"]) {
      const { body } = await api("get", path, asha.accessToken).expect(401);
      expect(body).toMatchObject({ code: "ACCESS_TOKEN_EXPIRED" });
      expect(body.message).toContain("jwt expired");
    }
  });

  it("serves optional routes to whoever holds a worthless token", async () => {
    await api("get", "/videos", "a.b.c").expect(200);
  });

  it.each(["", "Bearer", "Bearer ", "Bearer null", "Bearer undefined"])(
    "lets the cookie speak when the header is '%s'",
    async (header) => {
      await api("get", "/users/current-user")
        .set("Authorization", header)
        .set("Cookie", `accessToken=${asha.accessToken}`)
        .expect(200);
    },
  );
});

describe("POST /users/refresh-token", () => {
  it("answers 401 without a token, with rubbish and with an access token", async () => {
    const asha = await newPerson();
    await api("post", "/users/refresh-token").expect(401);
    await refresh("a.b.c").expect(401);
    await refresh(asha.accessToken).expect(401);
    await api("post", "/users/refresh-token")
      .send({ refreshToken: { $gt: "" } })
      .expect(400);
  });

  it("hands out a new pair each time, from the body or the cookie", async () => {
    const agent = browser();
    const asha = await newPerson();
    await agent.post("/api/v1/users/login").send({ email: asha.email, password: asha.password });
    const first = await agent.post("/api/v1/users/refresh-token").expect(200);
    const second = await refresh(first.body.data.refreshToken).expect(200);
    const tokens = [first.body.data, second.body.data].flatMap((pair) => Object.values(pair));
    expect(new Set(tokens).size).toBe(4);
    await whoAmI(second.body.data.accessToken).expect(200);
  });

  it("takes null for no token: the cookie speaks then", async () => {
    const asha = await newPerson();
    const withCookie = (path: string) =>
      api("post", path)
        .set("Cookie", `refreshToken=${asha.refreshToken}`)
        .send({ refreshToken: null });
    await api("post", "/users/refresh-token").send({ refreshToken: null }).expect(401);
    await withCookie("/users/refresh-token").expect(200);
    await withCookie("/users/logout").expect(200);
  });

  it("never repeats a token in many refreshes within a second", async () => {
    let { refreshToken } = await newPerson();
    const seen = new Set([refreshToken]);
    for (let i = 0; i < 30; i++) {
      const { body } = await refresh(refreshToken).expect(200);
      refreshToken = body.data.refreshToken;
      seen.add(refreshToken);
    }
    expect(seen.size).toBe(31);
  });

  it("answers parallel refreshes with one and the same successor", async () => {
    const asha = await newPerson();
    const replies = await Promise.all(Array.from({ length: 20 }, () => refresh(asha.refreshToken)));
    expect(replies.map((reply) => reply.status)).toEqual(Array.from({ length: 20 }, () => 200));
    const successors = new Set(replies.map((reply) => reply.body.data.refreshToken as string));
    expect(successors.size).toBe(1);
    await refresh([...successors][0]!).expect(200);
  });

  it("ends the session when a token is used again after the grace", async () => {
    const asha = await newPerson();
    const { body } = await refresh(asha.refreshToken).expect(200);
    travel(11_000);
    const replay = await refresh(asha.refreshToken).expect(401);
    expect(replay.body.code).toBe("REFRESH_TOKEN_REUSED");
    await refresh(body.data.refreshToken).expect(401);
    await whoAmI(body.data.accessToken).expect(401);
  });

  it("ends the session at once when a token older than the last is used", async () => {
    const asha = await newPerson();
    const second = await refresh(asha.refreshToken).expect(200);
    const third = await refresh(second.body.data.refreshToken).expect(200);
    await refresh(asha.refreshToken).expect(401);
    await refresh(third.body.data.refreshToken).expect(401);
  });

  it("leaves the user's other sessions alone when one is ended for reuse", async () => {
    const asha = await newPerson();
    const other = await login(asha);
    await refresh(asha.refreshToken).expect(200);
    travel(11_000);
    await refresh(asha.refreshToken).expect(401);
    await whoAmI(other.accessToken).expect(200);
  });

  it("keeps no token in the database", async () => {
    const asha = await newPerson();
    const { body } = await refresh(asha.refreshToken).expect(200);
    const tokens = [asha.accessToken, asha.refreshToken, ...Object.values<string>(body.data)];
    const ids = tokens.map((token) => (jwt.decode(token) as jwt.JwtPayload).jti!);
    const collections = await mongoose.connection.db!.collections();
    const rows = await Promise.all(collections.map((collection) => collection.find().toArray()));
    const dump = JSON.stringify(rows);
    for (const secret of [...tokens, ...ids, asha.password]) {
      expect(dump).not.toContain(secret);
    }
  });
});

describe("POST /users/logout", () => {
  it("answers 401 without any token", async () => {
    await api("post", "/users/logout").expect(401);
  });

  it("kills both tokens at once and clears the cookies", async () => {
    const asha = await newPerson();
    const response = await api("post", "/users/logout", asha.accessToken).expect(200);
    expect(response.get("Set-Cookie")).toEqual([
      expect.stringMatching(/^accessToken=; .*Expires=Thu, 01 Jan 1970/),
      expect.stringMatching(/^refreshToken=; .*Expires=Thu, 01 Jan 1970/),
    ]);
    await whoAmI(asha.accessToken).expect(401);
    await refresh(asha.refreshToken).expect(401);
    await api("post", "/users/logout", asha.accessToken).expect(401);
  });

  it("works with the refresh token alone and with an expired access token", async () => {
    const asha = await newPerson();
    await api("post", "/users/logout").send({ refreshToken: asha.refreshToken }).expect(200);
    await whoAmI(asha.accessToken).expect(401);

    const ravi = await newPerson();
    travel(config.auth.accessTokenTtl + 1000);
    await api("post", "/users/logout", ravi.accessToken).expect(200);
    await refresh(ravi.refreshToken).expect(401);
  });
});

describe("sessions", () => {
  it("are listed for their user only, with the current one marked", async () => {
    const asha = await newPerson();
    await api("post", "/users/login")
      .set("User-Agent", "Phone/1.0")
      .send({ username: asha.username, password: asha.password });
    const { body } = await api("get", "/users/sessions", asha.accessToken).expect(200);
    expect(body.data).toHaveLength(2);
    expect(body.data.filter((row: { current: boolean }) => row.current)).toHaveLength(1);
    expect(body.data.map((row: { device: string }) => row.device)).toContain("Phone/1.0");
    await api("get", "/users/sessions").expect(401);
  });

  it("are ended by their user only", async () => {
    const [asha, ravi] = [await newPerson(), await newPerson()];
    const other = await login(asha);
    const { body } = await api("get", "/users/sessions", asha.accessToken);
    const id = body.data.find((row: { current: boolean }) => !row.current)._id;
    await api("delete", `/users/sessions/${id}`).expect(401);
    await api("delete", `/users/sessions/${id}`, ravi.accessToken).expect(404);
    await whoAmI(other.accessToken).expect(200);
    await api("delete", `/users/sessions/${id}`, asha.accessToken).expect(200);
    await whoAmI(other.accessToken).expect(401);
    await api("delete", "/users/sessions/nonsense", asha.accessToken).expect(400);
  });
});

describe("cross-site requests", () => {
  const attacks: Record<string, string>[] = [
    { Origin: "https://evil.example" },
    { Origin: "null" },
    { Origin: "https://app.example.com.evil.example" },
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site" },
  ];

  it.each(attacks)(
    "are refused before any effect when cookies authenticate them: %j",
    async (headers) => {
      const asha = await newPerson();
      for (const type of ["application/json", "application/x-www-form-urlencoded", "text/plain"]) {
        const { body } = await api("post", "/users/logout")
          .set("Cookie", `accessToken=${asha.accessToken}; refreshToken=${asha.refreshToken}`)
          .set(headers)
          .set("Content-Type", type)
          .send("")
          .expect(403);
        expect(body.code).toBe("CROSS_SITE_REQUEST");
      }
      await whoAmI(asha.accessToken).expect(200);
    },
  );

  it.each([{ Origin: "https://app.example.com" }, { "Sec-Fetch-Site": "same-origin" }, {}])(
    "of allowed origins and of clients that are no browser pass: %j",
    async (headers) => {
      const asha = await newPerson();
      await api("patch", "/users/update-account")
        .set("Cookie", `accessToken=${asha.accessToken}`)
        .set(headers)
        .send({ fullName: "Fine" })
        .expect(200);
    },
  );

  it("pass with a Bearer token, which no foreign page can send", async () => {
    const asha = await newPerson();
    await api("patch", "/users/update-account", asha.accessToken)
      .set("Origin", "https://evil.example")
      .send({ fullName: "Fine" })
      .expect(200);
  });
});
