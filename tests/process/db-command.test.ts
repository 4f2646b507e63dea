import { connect, disconnect, connection } from "mongoose";
import { freePort, run, scratchFolder } from "../support/server";

jest.setTimeout(240_000);

const CLI = "src/embedded-db/cli.ts";

describe("npm run db", () => {
  it.each([
    [["--port", "x"]],
    [["--port", "70000"]],
    [["--memory", "--data", "somewhere"]],
    [["--nonsense"]],
    [["word"]],
  ])("answers %j with its usage and status 2", async (args) => {
    const program = run(CLI, {}, args);
    expect(await program.exited).toBe(2);
    expect(program.output).toMatch(/Usage: npm run db/);
  });

  it("prints a connection string that works, keeps its data and stops when told", async () => {
    const args = ["--port", String(await freePort()), "--data", scratchFolder()];
    for (const found of [0, 1]) {
      const program = run(CLI, {}, args);
      const uri = await program.printed(/^mongodb:\/\/127\.0\.0\.1:\d+/);
      await connect(uri);
      expect(await connection.collection("kept").countDocuments({})).toBe(found);
      await connection.collection("kept").insertOne({ round: found });
      await disconnect();
      expect(await program.stop()).toBe(0);
    }
  });
});
