import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import newman, { type NewmanRunSummary } from "newman";
import { openApiDocument } from "../../src/validations/openapi";
import { run, scratchFolder, startServer } from "../support/server";

jest.setTimeout(300_000);

const DOCS = resolve(__dirname, "..", "..", "docs");

/** Runs the committed collection against the server as `newman run` would. */
function runCollection(baseUrl: string): Promise<NewmanRunSummary> {
  return new Promise((done, fail) => {
    newman.run(
      {
        collection: join(DOCS, "mega-backend.postman_collection.json"),
        environment: join(DOCS, "mega-backend.postman_environment.json"),
        envVar: [{ key: "baseUrl", value: baseUrl }],
        workingDir: DOCS,
      },
      (error, summary) => (error ? fail(error) : done(summary)),
    );
  });
}

/** `METHOD path` of every operation, as the document has them. */
function described(): string[] {
  return Object.entries(openApiDocument().paths as object).flatMap(([path, item]) =>
    Object.keys(item as object).map((method) => `${method.toUpperCase()} ${path}`),
  );
}

/** The operation that a request was for; a path without parameters goes before one with. */
function operationOf(method: string, pathname: string): string | undefined {
  return described()
    .sort((a, b) => a.split("{").length - b.split("{").length)
    .find((it) => new RegExp(`^${it.replace(/{\w+}/g, "[^/]+")}$`).test(`${method} ${pathname}`));
}

describe("the Postman collection", () => {
  it("runs from top to bottom on a fresh server, twice, and visits every operation", async () => {
    const server = await startServer({ DATA_DIR: scratchFolder() });
    for (const { run: result } of [
      await runCollection(server.url),
      await runCollection(server.url),
    ]) {
      expect(
        result.failures.map(({ source, error }) => `${source?.name}: ${error.message}`),
      ).toEqual([]);
      expect(result.stats.assertions.total).toBeGreaterThanOrEqual(2 * described().length);
      const visited = result.executions.map(({ request }) =>
        operationOf(request.method, request.url.getPath().replace("/api/v1", "")),
      );
      expect([...new Set(visited)].sort()).toEqual(described().sort());
    }
    await server.stop();
  });
});

describe("the files under docs/", () => {
  let folder: string;

  beforeAll(async () => {
    folder = scratchFolder();
    const generator = run("scripts/docs/generate.ts", {}, [folder]);
    expect([await generator.exited, generator.output]).toEqual([0, ""]);
  });

  it.each([
    "openapi.json",
    "mega-backend.postman_collection.json",
    "mega-backend.postman_environment.json",
    "mega-backend.http",
    "mega-backend.jetbrains.http",
    "client/schema.d.ts",
  ])("%s is what `npm run postman` writes", (name) => {
    const [written, committed] = [folder, DOCS].map((it) => readFileSync(join(it, name), "utf8"));
    // Not toBe(): the difference of half a megabyte is nothing to read.
    expect(written === committed).toBe(true);
  });
});
