import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";

const DAY_MS = 86_400_000;

/** Raised when the way of compiling changes: old results are not used again. */
const RECIPE = "1";

/**
 * Compiles this folder for the worker when the program runs from TypeScript sources (ts-node, jest),
 * and answers the compiled worker's path. A new thread knows nothing of the loader of its parent,
 * and teaching it one costs four seconds at every start; the result is therefore kept in
 * `node_modules/.cache` until a source changes. Production never comes here.
 */
export async function compiledWorker(sourceFolder: string): Promise<string> {
  const sources = typescriptFiles(sourceFolder);
  const target = join(cacheFolder(), digestOf(sources));
  if (!existsSync(target)) {
    await compile(sourceFolder, sources, target);
    removeOld(dirname(target), target);
  }
  return join(target, "worker.js");
}

interface Source {
  path: string;
  text: string;
}

function typescriptFiles(folder: string): Source[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => ({ path: join(folder, name), text: readFileSync(join(folder, name), "utf8") }));
}

/** Inside node_modules, so that compiled files find their packages. */
function cacheFolder(): string {
  const lmdb = require.resolve("lmdb");
  const modules = lmdb.slice(0, lmdb.lastIndexOf("node_modules") + "node_modules".length);
  return join(modules, ".cache", "embedded-db");
}

function digestOf(sources: readonly Source[]): string {
  const hash = createHash("sha256").update(RECIPE);
  sources.forEach(({ path, text }) => hash.update(path).update("\0").update(text).update("\0"));
  return hash.digest("hex").slice(0, 32);
}

/** Written aside and then renamed: another process starting now sees all of it or nothing. */
async function compile(
  sourceFolder: string,
  sources: readonly Source[],
  target: string,
): Promise<void> {
  const { default: ts } = await import("typescript");
  mkdirSync(dirname(target), { recursive: true });
  const draft = mkdtempSync(`${target}-`);
  for (const { path, text } of sources) {
    const { outputText } = ts.transpileModule(text, {
      fileName: path,
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.CommonJS,
        esModuleInterop: true,
        inlineSourceMap: true,
      },
    });
    const out = join(draft, relative(sourceFolder, path).replace(/\.ts$/, ".js"));
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, outputText);
  }
  try {
    renameSync(draft, target);
  } catch {
    // Somebody else was faster.
    rmSync(draft, { recursive: true, force: true });
  }
}

function removeOld(folder: string, current: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (path !== current && Date.now() - statSync(path).mtimeMs > DAY_MS) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}
