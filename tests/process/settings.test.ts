import { call, login, newName, register } from "../support/client";
import { scratchFolder, startServer, type RunningServer } from "../support/server";
import { metadata, PIECE, TUS } from "../support/tus";

jest.setTimeout(240_000);

let server: RunningServer;

beforeAll(async () => {
  server = await startServer({
    DATA_DIR: scratchFolder(),
    TOKENS_IN_BODY: "false",
    RATE_LIMIT_READS: "20",
    RATE_LIMIT_WRITES: "8",
    TRUST_PROXY: "1",
    PUBLIC_URL: "https://videos.example.com",
  });
});

afterAll(() => server.stop());

/** As a proxy in front would say; each test is a client at an address of its own. */
function from(address: string): Record<string, string> {
  return { "X-Forwarded-For": address };
}

describe("settings", () => {
  it("TOKENS_IN_BODY=false hands tokens out in cookies only", async () => {
    const { body } = await register(server.url);
    const reply = await login(server.url, body.data.username as string);
    expect(Object.keys(reply.body.data as object)).toEqual(["user"]);
    expect(reply.headers.getSetCookie()).toHaveLength(2);
  });

  it("PUBLIC_URL begins every media URL", async () => {
    const { body } = await register(server.url);
    expect(body.data.avatar).toMatch(/^https:\/\/videos\.example\.com\/api\/v1\/media\/users\//);
  });

  it("RATE_LIMIT_READS limits an address and tells when to come back", async () => {
    const look = (address: string) => call(`${server.url}/healthcheck`, { headers: from(address) });
    const statuses: number[] = [];
    for (let i = 0; i < 21; i++) {
      statuses.push((await look("203.0.113.1")).status);
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
    const refused = await look("203.0.113.1");
    expect(refused).toMatchObject({ status: 429, body: { code: "TOO_MANY_REQUESTS" } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused.headers.get("ratelimit")).toMatch(/^"reads";r=0;t=\d+$/);
    expect((await look("203.0.113.2")).status).toBe(200);
  });

  it("counts an IPv6 subscriber's addresses as one", async () => {
    for (let i = 0; i < 20; i++) {
      await call(`${server.url}/healthcheck`, { headers: from(`2001:db8:1:1::${i}`) });
    }
    const same = await call(`${server.url}/healthcheck`, { headers: from("2001:db8:1:1:ffff::1") });
    const other = await call(`${server.url}/healthcheck`, { headers: from("2001:db8:1:2::1") });
    expect([same.status, other.status]).toEqual([429, 200]);
  });

  it("RATE_LIMIT_WRITES limits a user wherever he writes from, and nobody else", async () => {
    const write = (address: string, headers: Record<string, string>) =>
      call(`${server.url}/users/update-account`, {
        method: "PATCH",
        headers: { "Content-Type": "application/json", ...from(address), ...headers },
        body: JSON.stringify({ fullName: newName() }),
      });
    const cookies = await cookieOf("203.0.113.10");
    const statuses: number[] = [];
    for (let i = 0; i < 9; i++) {
      statuses.push((await write(`203.0.113.${20 + i}`, cookies)).status);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 200, 200, 429]);
    expect((await write("203.0.113.40", await cookieOf("203.0.113.11"))).status).toBe(200);
  });
});

describe("the pieces of a resumable upload", () => {
  it("are no writes: a client may make as many of a file as it likes", async () => {
    const headers = { ...TUS, ...from("203.0.113.50"), ...(await cookieOf("203.0.113.50")) };
    const { headers: begun } = await call(`${server.url}/uploads`, {
      method: "POST",
      headers: { ...headers, "Upload-Length": "100", "Upload-Metadata": metadata({ title: "A" }) },
    });
    const url = server.url.replace("/api/v1", new URL(begun.get("location")!).pathname);
    const statuses: number[] = [];
    for (let offset = 0; offset < 12; offset++) {
      const own = { "Upload-Offset": String(offset), "Content-Type": PIECE };
      const init = { method: "PATCH", headers: { ...headers, ...own }, body: new Uint8Array(1) };
      statuses.push((await call(url, init)).status);
    }
    expect(statuses).toEqual(Array.from({ length: 12 }, () => 204));
  });
});

async function cookieOf(address: string): Promise<Record<string, string>> {
  const { body } = await register(server.url, newName(), from(address));
  const { headers } = await login(server.url, body.data.username as string, from(address));
  return {
    Cookie: headers
      .getSetCookie()
      .map((cookie) => cookie.split(";")[0])
      .join("; "),
  };
}
