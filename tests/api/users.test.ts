import { UnclaimedFile } from "../../src/models/unclaimed-file.model";
import { api, useApi } from "../support/api";
import { filesIn, mediaPath } from "../support/files";
import { login, newAccount, newPerson, png, register } from "../support/people";

useApi();

describe("POST /users/register", () => {
  it("answers 400 and names every bad field at once", async () => {
    const { body } = await api("post", "/users/register")
      .send({ fullName: "", email: "no", username: "a b", password: "short" })
      .expect(400);
    const paths = body.errors.map((error: { path: string }) => error.path);
    expect(new Set(paths)).toEqual(
      new Set(["fullName", "email", "username", "password", "avatar"]),
    );
  });

  it("answers 400 without any body", async () => {
    await api("post", "/users/register").expect(400);
  });

  it.each([
    ["an operator", { $gt: "" }],
    ["a list", ["a", "b"]],
    ["null", null],
    ["a number", 7],
    ["NUL", "a\0b"],
    ["a lone surrogate", "a\ud800b"],
    ["too much", "x".repeat(5000)],
  ])("refuses %s in every field", async (_name, value) => {
    for (const field of ["fullName", "email", "username", "password"]) {
      const { body } = await api("post", "/users/register")
        .send({ ...newAccount(), [field]: value })
        .expect(400);
      expect(body.errors).toContainEqual(expect.objectContaining({ path: field }));
    }
  });

  it("refuses a password over 72 bytes instead of cutting it", async () => {
    const { body } = await register(newAccount({ password: "ä".repeat(37) }));
    expect(body).toMatchObject({ statusCode: 400, errors: [{ path: "password" }] });
  });

  it("answers 415 when the avatar is a page named like an image", async () => {
    await api("post", "/users/register")
      .field(newAccount())
      .attach("avatar", Buffer.from("<html><script>alert(1)</script></html>"), "me.png")
      .expect(415);
  });

  it("answers 400 when the avatar is empty", async () => {
    const { body } = await api("post", "/users/register")
      .field(newAccount())
      .attach("avatar", Buffer.alloc(0), "me.png")
      .expect(400);
    expect(body.code).toBe("MEDIA_EMPTY");
  });

  it("keeps nothing of a good avatar when the cover image is bad", async () => {
    const before = await filesIn("media");
    await api("post", "/users/register")
      .field(newAccount())
      .attach("avatar", await png(), "a.png")
      .attach("coverImage", Buffer.from("<svg/>"), "c.png")
      .expect(415);
    expect(await filesIn("media")).toEqual(before);
    expect(await UnclaimedFile.countDocuments()).toBe(0);
  });

  it("creates the account with its images re-encoded and no secret in the reply", async () => {
    const account = newAccount({ username: "Mixed.Case_1", email: "Mixed@Example.com" });
    const { body } = await api("post", "/users/register")
      .field(account)
      .attach("avatar", await png(1000, 500), "../../evil.html")
      .attach("coverImage", await png(), "c.png")
      .expect(201);
    expect(body.data).toMatchObject({ username: "mixed.case_1", email: "mixed@example.com" });
    for (const url of [body.data.avatar, body.data.coverImage]) {
      const image = await api("get", mediaPath(url)).expect(200);
      expect(image.type).toBe("image/webp");
    }
  });

  it("drops unknown keys and unknown files", async () => {
    const { body } = await api("post", "/users/register")
      .field({ ...newAccount(), role: "ADMIN", subscribersCount: "9", _id: "0".repeat(24) })
      .attach("avatar", await png(), "a.png")
      .attach("passport", await png(), "b.png")
      .expect(201);
    expect(body.data._id).not.toBe("0".repeat(24));
  });

  it("answers 409 when the username or the e-mail is taken, whatever the case", async () => {
    const taken = await newPerson();
    const before = await filesIn("media");
    const clashes: Record<string, string>[] = [
      { username: taken.username.toUpperCase() },
      { email: taken.email.toUpperCase() },
    ];
    for (const overrides of clashes) {
      const { body } = await register(newAccount(overrides));
      expect(body).toMatchObject({ statusCode: 409, code: "USER_EXISTS" });
    }
    expect(await filesIn("media")).toEqual(before);
  });

  it("lets exactly one of many parallel registrations of a name through and leaves no file of the others", async () => {
    const before = (await filesIn("media")).length;
    const account = newAccount();
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        register({
          ...account,
          username: i % 2 ? account.username.toUpperCase() : account.username,
        }),
      ),
    );
    expect(replies.map((reply) => reply.status).sort()).toEqual([
      201,
      ...Array.from({ length: 19 }, () => 409),
    ]);
    expect(await filesIn("media")).toHaveLength(before + 1);
  });
});

describe("GET /users/current-user", () => {
  it("answers 401 without a token", async () => {
    const { body } = await api("get", "/users/current-user").expect(401);
    expect(body).toMatchObject({ code: "UNAUTHENTICATED", data: null, success: false });
  });

  it("answers the caller's own account", async () => {
    const asha = await newPerson();
    const { body } = await api("get", "/users/current-user", asha.accessToken).expect(200);
    expect(body.data).toMatchObject({ _id: asha._id, email: asha.email });
  });
});

describe("PATCH /users/update-account", () => {
  it("answers 401 without a token and 400 without a field", async () => {
    const asha = await newPerson();
    await api("patch", "/users/update-account").send({ fullName: "X" }).expect(401);
    await api("patch", "/users/update-account", asha.accessToken).send({ x: 1 }).expect(400);
  });

  it("answers 409 when the e-mail is taken and changes nothing", async () => {
    const [asha, ravi] = [await newPerson(), await newPerson()];
    const { body } = await api("patch", "/users/update-account", asha.accessToken)
      .send({ fullName: "Changed", email: ravi.email })
      .expect(409);
    expect(body.code).toBe("EMAIL_TAKEN");
    const own = await api("get", "/users/current-user", asha.accessToken);
    expect(own.body.data).toMatchObject({ email: asha.email, fullName: "Asha Rao" });
  });

  it.each(["json", "form", "multipart"])("takes a %s body", async (kind) => {
    const asha = await newPerson();
    const request = api("patch", "/users/update-account", asha.accessToken);
    const fields = { fullName: "New Name", password: "ignored key", views: "9" };
    const { body } = await (
      kind === "multipart" ? request.field(fields) : request.type(kind).send(fields)
    ).expect(200);
    expect(body.data.fullName).toBe("New Name");
    await login(asha);
  });
});

describe("PATCH /users/avatar and /users/cover-image", () => {
  it.each([
    ["avatar", "/users/avatar"],
    ["coverImage", "/users/cover-image"],
  ])("replaces %s and removes the old file", async (field, path) => {
    const asha = await newPerson();
    await api("patch", path)
      .attach(field, await png(), "x.png")
      .expect(401);
    await api("patch", path, asha.accessToken).expect(400);
    const first = await api("patch", path, asha.accessToken)
      .attach(field, await png(), "x.png")
      .expect(200);
    const second = await api("patch", path, asha.accessToken)
      .attach(field, await png(), "x.png")
      .expect(200);
    expect(second.body.data[field]).not.toBe(first.body.data[field]);
    const old = mediaPath(first.body.data[field]);
    await api("get", old).expect(404);
    const names = await filesIn("media");
    expect(names).not.toContain(old.split("/").at(-1));
  });

  it.each([
    ["avatar", "/users/avatar"],
    ["coverImage", "/users/cover-image"],
  ])("keeps one file of many %s images sent at once", async (field, path) => {
    const asha = await newPerson();
    const image = await png();
    await Promise.all(
      Array.from({ length: 10 }, () =>
        api("patch", path, asha.accessToken).attach(field, image, "x.png").expect(200),
      ),
    );
    const { body } = await api("get", "/users/current-user", asha.accessToken);
    const named = [body.data.avatar, body.data.coverImage].filter((url) => url !== "") as string[];
    expect((await filesIn(`media/users/${asha._id}`)).sort()).toEqual(
      named.map((url) => url.split("/").at(-1)!).sort(),
    );
  });

  it("keeps the old image when the new one is damaged", async () => {
    const asha = await newPerson();
    const before = await api("get", "/users/current-user", asha.accessToken);
    const damaged = (await png(64, 64)).subarray(0, 60);
    await api("patch", "/users/avatar", asha.accessToken)
      .attach("avatar", damaged, "x.png")
      .expect(422);
    const avatar = mediaPath(before.body.data.avatar);
    await api("get", avatar).expect(200);
  });
});

describe("POST /users/change-password", () => {
  it("answers 400 for a wrong old password and changes nothing", async () => {
    const asha = await newPerson();
    const { body } = await api("post", "/users/change-password", asha.accessToken)
      .send({ oldPassword: "wrong one", newPassword: "a brand new one" })
      .expect(400);
    expect(body.code).toBe("INVALID_OLD_PASSWORD");
    await login(asha);
  });

  it("lets one of many changes at once through: the old password is wrong for the others", async () => {
    const asha = await newPerson();
    const passwords = Array.from({ length: 5 }, (_, i) => `a brand new one ${i}`);
    const replies = await Promise.all(
      passwords.map((newPassword) =>
        api("post", "/users/change-password", asha.accessToken).send({
          oldPassword: asha.password,
          newPassword,
        }),
      ),
    );
    const changed = replies.findIndex(({ status }) => status === 200);
    const refused = replies.filter(({ body }) => body.code === "INVALID_OLD_PASSWORD");
    expect(refused).toHaveLength(4);
    await login({ ...asha, password: passwords[changed]! });
  });

  it("ends every other session and keeps this one", async () => {
    const asha = await newPerson();
    const elsewhere = await login(asha);
    await api("post", "/users/change-password", asha.accessToken)
      .send({ oldPassword: asha.password, newPassword: "a brand new one" })
      .expect(200);
    await api("get", "/users/current-user", elsewhere.accessToken).expect(401);
    await api("post", "/users/refresh-token")
      .send({ refreshToken: elsewhere.refreshToken })
      .expect(401);
    await api("get", "/users/current-user", asha.accessToken).expect(200);
    await login({ ...asha, password: "a brand new one" });
  });
});

describe("GET /users/c/:username", () => {
  it("answers 404 for a name nobody has", async () => {
    await api("get", "/users/c/nobody-at-all").expect(404);
  });

  it("shows anybody a channel without its e-mail, whatever the case of the name", async () => {
    const asha = await newPerson();
    const { body } = await api("get", `/users/c/${asha.username.toUpperCase()}`).expect(200);
    expect(body.data).toMatchObject({ _id: asha._id, subscribersCount: 0, isSubscribed: false });
    expect(body.data).not.toHaveProperty("email");
  });
});

describe("DELETE /users/current-user", () => {
  it("answers 400 for a wrong password and removes nothing", async () => {
    const asha = await newPerson();
    await api("delete", "/users/current-user", asha.accessToken)
      .send({ password: "not mine" })
      .expect(400);
    await api("get", `/users/c/${asha.username}`).expect(200);
  });

  it("takes the account, its sessions and its files away", async () => {
    const asha = await newPerson();
    const other = await login(asha);
    const { body } = await api("get", "/users/current-user", asha.accessToken);
    await api("delete", "/users/current-user", asha.accessToken)
      .send({ password: asha.password })
      .expect(200);
    await api("get", "/users/current-user", other.accessToken).expect(401);
    await api("get", `/users/c/${asha.username}`).expect(404);
    await api("post", "/users/login")
      .send({ username: asha.username, password: asha.password })
      .expect(401);
    const avatar = mediaPath(body.data.avatar);
    await api("get", avatar).expect(404);
    expect(await filesIn("media")).not.toContain(avatar.split("/").at(-1));
    await register({ ...newAccount(), username: asha.username, email: asha.email });
  });
});
