import { parseArgs } from "node:util";
import { startEmbeddedDatabase } from ".";
import { backUp } from "./backup";

const DEFAULT_FOLDER = ".data/db";

const USAGE = `Usage: npm run db -- [--port N] [--data DIR | --memory]
       npm run db -- [--data DIR] --backup TARGET

Starts the embedded database alone and prints its connection string.

  --port N         listen on this port (default: the one it had last, else any free one)
  --data DIR       keep the data in this folder (default: ${DEFAULT_FOLDER})
  --memory         keep the data in memory only
  --backup TARGET  copy the data to this folder, also while they are served, and end
`;

interface Arguments {
  port: number;
  dataDir: string | undefined;
  backup: string | undefined;
}

/** Undefined for anything the usage does not say. */
function readArguments(argv: readonly string[]): Arguments | undefined {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        port: { type: "string" },
        data: { type: "string" },
        memory: { type: "boolean" },
        backup: { type: "string" },
      },
    });
    const port = Number(values.port ?? 0);
    const empty = [values.port, values.data, values.backup].includes("");
    const alone = !values.memory || (values.data === undefined && values.backup === undefined);
    if (!Number.isInteger(port) || port < 0 || port > 65_535 || empty || !alone) {
      return undefined;
    }
    const dataDir = values.memory ? undefined : (values.data ?? DEFAULT_FOLDER);
    return { port, dataDir, backup: values.backup };
  } catch {
    return undefined;
  }
}

async function main(): Promise<void> {
  const given = readArguments(process.argv.slice(2));
  if (!given) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const { port, dataDir, backup } = given;
  if (dataDir !== undefined && backup !== undefined) {
    await backUp(dataDir, backup);
    process.stdout.write(`Copied ${dataDir} to ${backup}.\n`);
    return;
  }
  const database = await startEmbeddedDatabase({
    port,
    ...(dataDir === undefined ? {} : { dataDir }),
    onFailure: ({ message }) => {
      process.stderr.write(`${message}\n`);
      process.exit(1);
    },
  });
  process.stdout.write(`${database.uri}\n`);
  if (!database.owner) {
    process.stdout.write("Another process serves this folder already; connect to it there.\n");
    return;
  }
  process.stdout.write("Connect with mongosh, Compass or MONGODB_URI. Ctrl+C stops it.\n");
  // The database does not keep a process alive by itself.
  const alive = setInterval(() => undefined, 2 ** 30);
  const stop = () => {
    clearInterval(alive);
    void database.stop();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
