import { spawnSync } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { DurableStorage } from "../../src/embedded-db/storage/durable";
import * as client from "../support/client";
import { PASSWORD, call, login } from "../support/client";
import { makeClip } from "../support/clips";
import { emptied } from "../support/files";
import { freePort, run, scratchFolder, startServer, stopPrograms } from "../support/server";

jest.setTimeout(120_000);

afterEach(stopPrograms);

/** Registers a user; fails unless the server acknowledges. */
async function register(url: string): Promise<string> {
  const { status, body } = await client.register(url);
  if (status !== 201) {
    throw new Error(`registration answered ${status}`);
  }
  return body.data.username as string;
}

/** Asks again until the answer has the status; each round waits for a whole answer. */
async function until(url: string, status: number): Promise<void> {
  for (;;) {
    const reply = await call(url).catch(() => undefined);
    if (reply?.status === status) {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("the server", () => {
  it("says what it runs on and where it is", async () => {
    const running = await startServer({ DATA_DIR: scratchFolder() });
    expect(running.output).toMatch(/Database {3}embedded/);
    expect(running.output).toMatch(/Storage {4}local/);
    expect(running.output).toMatch(/ffmpeg {5}\S+ \((packaged|path)\)/);
    expect(running.output).toMatch(/API docs {3}http:\/\/localhost:\d+\/api\/v1\/docs/);
    expect(await running.stop()).toBe(0);
  });

  it("loses nothing acknowledged when it is killed while it writes, and leaves nothing half-made", async () => {
    const env = { DATA_DIR: scratchFolder() };
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round++) {
      const running = await startServer(env);
      const write = async (): Promise<void> => {
        for (;;) {
          acknowledged.push(await register(running.url));
        }
      };
      const writers = Array.from({ length: 4 }, () => write().catch(() => undefined));
      const goal = acknowledged.length + 5;
      while (acknowledged.length < goal) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await running.stop("SIGKILL");
      await Promise.all(writers);
    }
    const running = await startServer(env);
    for (const username of acknowledged) {
      expect((await login(running.url, username)).status).toBe(200);
    }
    await emptied(join(env.DATA_DIR, "uploads"));
  });

  it("loses nothing acknowledged when the whole system goes down", async () => {
    const env = { DATA_DIR: scratchFolder() };
    const running = await startServer(env);
    const username = await register(running.url);
    await running.stop("SIGKILL");
    // To a later boot of the system only that counts which had reached the disk.
    await new DurableStorage(join(env.DATA_DIR, "db"), undefined, undefined, randomUUID()).close();
    const restarted = await startServer(env);
    expect((await login(restarted.url, username)).status).toBe(200);
  });

  it("drops no request when it is told to stop under load", async () => {
    const running = await startServer({ DATA_DIR: scratchFolder() });
    const agent = new Agent({ keepAlive: true, maxSockets: 30 });
    let answered = 0;
    let dropped = 0;

    /** One request; false when there is nobody to connect to any more. */
    const ask = () =>
      new Promise<boolean>((resolve) => {
        const request = httpRequest(`${running.url}/healthcheck`, { agent }, (response) => {
          response.resume();
          response.once("end", () => {
            answered += 1;
            resolve(true);
          });
        });
        request.once("error", (error: NodeJS.ErrnoException) => {
          // Refused before it was sent, not dropped.
          dropped += error.code === "ECONNREFUSED" ? 0 : 1;
          resolve(false);
        });
        request.end();
      });
    const client = async () => {
      while (await ask()) {
        /* again */
      }
    };
    const clients = Array.from({ length: 30 }, client);
    while (answered < 500) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const code = await running.stop();
    await Promise.all(clients);
    expect({ code, dropped }).toEqual({ code: 0, dropped: 0 });
  });

  it("lets an upload that is under way arrive before it stops", async () => {
    const dataDir = scratchFolder();
    const running = await startServer({ DATA_DIR: dataDir });
    const headers = await client.signedIn(running.url);
    const clip = await readFile(await makeClip());
    const body = new FormData();
    body.set("title", "In time");
    body.set("videoFile", new Blob([new Uint8Array(clip)]), "clip.mp4");
    const whole = new Response(body);
    const bytes = Buffer.from(await whole.clone().arrayBuffer());
    const sending = httpRequest(`${running.url}/videos`, {
      method: "POST",
      headers: {
        ...headers,
        "Content-Type": whole.headers.get("content-type")!,
        "Content-Length": bytes.length,
      },
    });
    const replied = once(sending, "response") as Promise<[IncomingMessage]>;
    sending.write(bytes.subarray(0, 1000));
    // It has begun once its folder is there.
    while ((await readdir(join(dataDir, "uploads")).catch(() => [])).length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const stopped = running.stop();
    await running.printed(/finishing what runs/);
    sending.end(bytes.subarray(1000));
    const [reply] = await replied;
    reply.resume();
    expect(reply.statusCode).toBe(201);
    expect(await stopped).toBe(0);
  });

  it("writes of a request whose client has left that it was aborted", async () => {
    const running = await startServer({ DATA_DIR: scratchFolder() });
    const headers = await client.signedIn(running.url);
    const type = "multipart/form-data; boundary=x";
    const sending = httpRequest(`${running.url}/videos`, {
      method: "POST",
      headers: { ...headers, "Content-Type": type, "Content-Length": 1_000_000 },
    });
    sending.on("error", () => undefined);
    sending.write('--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n', () =>
      sending.destroy(),
    );
    await running.printed(/POST \/api\/v1\/videos aborted/);
  });

  it("answers 503 while its database is away and recovers without a restart", async () => {
    const port = await freePort();
    const folder = scratchFolder();
    const startDatabase = async () => {
      const database = run("src/embedded-db/cli.ts", {}, [
        "--port",
        String(port),
        "--data",
        folder,
      ]);
      await database.printed(/mongodb:\/\//);
      return database;
    };
    const database = await startDatabase();
    const uri = `mongodb://127.0.0.1:${port}/?directConnection=true`;
    const running = await startServer({ DATA_DIR: scratchFolder(), MONGODB_URI: uri });
    const username = await register(running.url);

    await database.stop("SIGKILL");
    const away = await login(running.url, username);
    expect(away).toMatchObject({ status: 503, body: { code: "DATABASE_UNAVAILABLE" } });
    expect(away.headers.get("retry-after")).not.toBeNull();
    expect((await call(`${running.url}/videos`)).status).toBe(503);
    expect((await call(`${running.url}/healthcheck`)).status).toBe(200);
    const ready = await call(`${running.url}/healthcheck/ready`);
    expect(ready).toMatchObject({ status: 503, body: { code: "NOT_READY" } });

    await startDatabase();
    await until(`${running.url}/healthcheck/ready`, 200);
    expect((await login(running.url, username)).status).toBe(200);
  });

  it("recovers every time its database is stopped under load", async () => {
    const options = ["--port", String(await freePort()), "--data", scratchFolder()];
    const startDatabase = async () => {
      const database = run("src/embedded-db/cli.ts", {}, options);
      await database.printed(/mongodb:\/\//);
      return database;
    };
    let database = await startDatabase();
    const uri = `mongodb://127.0.0.1:${options[1]}/?directConnection=true`;
    const running = await startServer({
      DATA_DIR: scratchFolder(),
      MONGODB_URI: uri,
      RATE_LIMIT_READS: "1000000",
    });
    const load = new AbortController();
    const statuses: number[] = [];
    const client = async () => {
      while (!load.signal.aborted) {
        statuses.push((await call(`${running.url}/videos`)).status);
      }
    };
    const answered = async (count: number) => {
      const goal = statuses.length + count;
      while (statuses.length < goal) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const clients = Array.from({ length: 20 }, client);
    for (let round = 0; round < 4; round += 1) {
      await until(`${running.url}/healthcheck/ready`, 200);
      // Connections are open and the driver's last look at the database is some time ago.
      await answered(300);
      await database.stop("SIGTERM");
      await until(`${running.url}/healthcheck/ready`, 503);
      database = await startDatabase();
    }
    await until(`${running.url}/healthcheck/ready`, 200);
    load.abort();
    await Promise.all(clients);
    expect([...new Set(statuses)].sort()).toEqual([200, 503]);
  });

  it("waits for a database that is not there yet, and says so", async () => {
    const port = await freePort();
    const program = run("src/index.ts", {
      DATA_DIR: scratchFolder(),
      PORT: String(await freePort()),
      MONGODB_URI: `mongodb://127.0.0.1:${port}/?directConnection=true`,
    });
    await program.printed(/does not answer .* trying again/);
    run("src/embedded-db/cli.ts", {}, ["--port", String(port), "--memory"]);
    await program.printed(/API docs/);
  });

  it("ends with a clear line when its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const program = run("src/index.ts", { DATA_DIR: scratchFolder(), PORT: String(port) });
    expect(await program.exited).toBe(1);
    expect(program.output).toMatch(/could not start.*EADDRINUSE/);
    other.close();
  });

  it("shares the database of a server that uses the same folder", async () => {
    const env = { DATA_DIR: scratchFolder() };
    const [first, second] = [await startServer(env), await startServer(env)];
    const username = await register(first.url);
    expect((await login(second.url, username)).status).toBe(200);
  });

  it("writes no password and no token into its log", async () => {
    const running = await startServer({ DATA_DIR: scratchFolder(), NODE_ENV: "test" });
    const username = await register(running.url);
    const { body } = await login(running.url, username);
    const tokens = [body.data.accessToken, body.data.refreshToken] as string[];
    await call(`${running.url}/users/current-user`, {
      headers: { Authorization: `Bearer ${tokens[0]}`, Cookie: `refreshToken=${tokens[1]}` },
    });
    await login(running.url, "nobody\r\n\u001b[31mforged line");
    await running.stop();
    for (const secret of [PASSWORD, ...tokens]) {
      expect(running.output).not.toContain(secret);
    }
    expect(running.lines.filter((line) => line.startsWith("{"))).toHaveLength(running.lines.length);
  });

  it("has strict cookies and silent errors in production", async () => {
    const running = await startServer({
      DATA_DIR: scratchFolder(),
      NODE_ENV: "production",
      HOST: "127.0.0.1",
      BCRYPT_ROUNDS: "10",
      ACCESS_TOKEN_SECRET: randomBytes(32).toString("hex"),
      REFRESH_TOKEN_SECRET: randomBytes(32).toString("hex"),
    });
    const username = await register(running.url);
    const { headers } = await login(running.url, username);
    for (const cookie of headers.getSetCookie()) {
      expect(cookie).toMatch(/; Path=\/; .*HttpOnly; Secure; SameSite=Lax$/);
    }
    const wrong = await fetch(`${running.url}/users/login`, { method: "POST", body: "{" });
    expect(await wrong.text()).not.toMatch(/node_modules|\bat /);
  });

  it("keeps its secrets readable by its owner only", async () => {
    const folder = scratchFolder();
    await startServer({ DATA_DIR: folder });
    expect(statSync(join(folder, "secrets.json")).mode & 0o077).toBe(0);
    expect(
      Object.keys(JSON.parse(readFileSync(join(folder, "secrets.json"), "utf8")) as object),
    ).toHaveLength(2);
  });
});

describe.each([
  ["server", "src/index.ts", /API docs/],
  ["worker", "src/commands/worker.ts", /Processing/],
])("the %s", (_name, file, started) => {
  /** Starts the program with something of ours that happens in it when it is asked to. */
  const startWith = async (happening: string) => {
    const folder = scratchFolder();
    const script = join(folder, "happen.js");
    writeFileSync(script, `process.on("SIGUSR2", () => { ${happening} });`);
    const program = run(file, {
      DATA_DIR: folder,
      PORT: "0",
      NODE_OPTIONS: `--require ${script}`,
    });
    await program.printed(started);
    return program;
  };

  it("survives a rejection that nobody handles", async () => {
    const program = await startWith('void Promise.reject(new Error("forgotten"));');
    program.child.kill("SIGUSR2");
    await program.printed(/unhandled rejection/);
    expect(await program.stop()).toBe(0);
  });

  it("finishes what runs and ends when an exception was nobody's", async () => {
    const program = await startWith('throw new Error("lost");');
    program.child.kill("SIGUSR2");
    await program.printed(/uncaught exception/);
    expect(await program.exited).toBe(1);
  });

  it("stops once for signals that come together", async () => {
    const program = await startWith("");
    program.child.kill("SIGTERM");
    program.child.kill("SIGINT");
    expect(await program.exited).toBe(0);
    expect(program.output.match(/then stopping/g)).toHaveLength(1);
  });

  it("removes at its start what a killed program was receiving and working on", async () => {
    const folder = scratchFolder();
    const { pid } = spawnSync(process.execPath, ["--version"]);
    for (const parent of ["uploads", "work"]) {
      mkdirSync(join(folder, parent, `${pid}-0123456789ab-x`), { recursive: true });
    }
    const program = run(file, { DATA_DIR: folder, PORT: "0" });
    await program.printed(started);
    await Promise.all(["uploads", "work"].map((parent) => emptied(join(folder, parent))));
    expect(await program.stop()).toBe(0);
  });
});
