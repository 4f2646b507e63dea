import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { scratchFolder, startServer } from "../support/server";

jest.setTimeout(240_000);

const ROOT = resolve(__dirname, "..", "..");

/** The commands of the README's tour, as they stand there. */
function tour(): string {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const block = /second terminal:\n\n```sh\n(.*?)```/s.exec(readme)?.[1];
  expect(block).toBeDefined();
  return block!;
}

describe("the README's tour", () => {
  it("works as written", async () => {
    const server = await startServer({ DATA_DIR: scratchFolder() });
    const script = tour().replace("http://localhost:8000/api/v1", server.url);
    const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], {
      cwd: scratchFolder(),
      env: { PATH: process.env.PATH, NODE_PATH: join(ROOT, "node_modules") },
    });
    expect(stdout).not.toContain('"success":false');
    expect(stdout.match(/"success":true/g)).toHaveLength(8);
    expect(stdout).toMatch(/}200 video\/mp4 \d+ bytes\n206 1000 bytes$/m);
    expect(stdout).toMatch(/}404$/m);
    await server.stop();
  });
});
