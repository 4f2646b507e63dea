import { call, login, newName, register, type Reply } from "../support/client";
import { run, scratchFolder, startServer } from "../support/server";

jest.setTimeout(900_000);

async function command(name: "seed" | "recount", env: Record<string, string>, args: string[] = []) {
  const program = run(`src/commands/${name}.ts`, { BCRYPT_ROUNDS: "4", ...env }, args);
  return { status: await program.exited, output: program.output };
}

/** All videos that anybody sees. */
async function published(url: string): Promise<Reply["body"]> {
  return (await call(`${url}/videos?limit=100`)).body.data;
}

describe("npm run seed", () => {
  it.each([[["--videos", "x"]], [["--videos", "-1"]], [["--nonsense"]]])(
    "answers %j with its usage and status 2",
    async (args) => {
      const { status, output } = await command("seed", { DATA_DIR: scratchFolder() }, args);
      expect(status).toBe(2);
      expect(output).toMatch(/Usage: npm run seed/);
    },
  );

  it("refuses in production unless told", async () => {
    const secrets = { ACCESS_TOKEN_SECRET: "a".repeat(32), REFRESH_TOKEN_SECRET: "b".repeat(32) };
    const env = { NODE_ENV: "production", DATA_DIR: scratchFolder(), ...secrets };
    const { status, output } = await command("seed", { ...env, BCRYPT_ROUNDS: "10" });
    expect(status).toBe(1);
    expect(output).toMatch(/--yes/);
  });

  it("makes its world once while the server runs, again with --fresh, and touches nobody else's", async () => {
    const DATA_DIR = scratchFolder();
    const server = await startServer({ DATA_DIR });
    // Somebody has the name of one of the people already.
    await register(server.url, "maya_lindqvist");
    const other = newName();
    await register(server.url, other);

    const first = await command("seed", { DATA_DIR }, ["--videos", "60"]);
    expect(first).toMatchObject({ status: 0 });
    expect(first.output).toMatch(/^ {2}maya_lindqvist_2$/m);
    const world = await published(server.url);
    expect(world.totalDocs).toBeGreaterThan(60);
    const [video] = (await call(`${server.url}/videos?query=interference`)).body.data.docs;
    const file = await fetch(video.videoFile as string, { headers: { Range: "bytes=0-99" } });
    expect(file.status).toBe(206);
    expect((await fetch(video.thumbnail as string)).headers.get("content-type")).toBe("image/webp");
    const ages = world.docs.map((doc: { createdAt: string }) => Date.parse(doc.createdAt));
    expect(Date.now() - Math.min(...ages)).toBeGreaterThan(200 * 24 * 3600_000);

    const password = /password: (.+)$/m.exec(first.output)![1]!;
    const signIn = await call(`${server.url}/users/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username: "hana_mori", password }),
    });
    expect(signIn.status).toBe(200);
    const headers = { Authorization: `Bearer ${signIn.body.data.accessToken}` };
    for (const path of ["/users/history", "/likes/videos", "/dashboard/videos"]) {
      expect((await call(`${server.url}${path}`, { headers })).body.data).not.toEqual([]);
    }
    expect((await command("recount", { DATA_DIR })).output).toMatch(/^Every counter is/);

    const second = await command("seed", { DATA_DIR });
    expect(second).toMatchObject({ status: 0 });
    expect(second.output).toMatch(/there already/);
    expect((await published(server.url)).totalDocs).toBe(world.totalDocs);

    expect(await command("seed", { DATA_DIR }, ["--fresh"])).toMatchObject({ status: 0 });
    const again = await published(server.url);
    expect(again.totalDocs).toBe(24);
    expect(again.docs.map((doc: { title: string }) => doc.title)).toEqual(
      expect.arrayContaining([video.title]),
    );
    expect((await fetch(video.videoFile as string)).status).toBe(404);
    expect((await command("recount", { DATA_DIR })).output).toMatch(/^Every counter is/);
    for (const name of ["maya_lindqvist", other]) {
      expect((await login(server.url, name)).status).toBe(200);
    }
    await server.stop();
  });
});
