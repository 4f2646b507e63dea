import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { config } from "../config/env";
import { API_PREFIX } from "../constants";
import { isSeeded, makeCrowd, makeWorld, removeSeed, type Progress } from "../seed";
import { ExitStatus, print, readArguments, runCommand } from "./command";

const USAGE = `Usage: npm run seed [-- --fresh] [--videos N] [--yes]

Fills the database with people, videos and a year of what they did. The server may run.

  --fresh     remove what an earlier seed has made, and only that, then make it again
  --videos N  also make N videos for measurements, with a crowd that likes and comments
  --yes       do it in production, too
`;

/** Known to everybody who reads this, so never used in production. */
const DEVELOPMENT_PASSWORD = "watch and learn";

const options = readArguments(USAGE, (args) => {
  const { values } = parseArgs({
    args,
    options: {
      fresh: { type: "boolean", default: false },
      videos: { type: "string", default: "0" },
      yes: { type: "boolean", default: false },
    },
  });
  const videos = Number(values.videos);
  if (!Number.isInteger(videos) || videos < 0 || values.videos.trim() === "") {
    throw new Error("not a number of videos");
  }
  return { ...values, videos };
});

if (config.isProduction && !options.yes) {
  process.stderr.write("This is production: say --yes to put made-up people into it.\n");
  process.exit(ExitStatus.failed);
}

void runCommand(async () => {
  const bars = new Bars();
  if (options.fresh) {
    await removeSeed(bars);
  }
  await ensureWorld(bars);
  if (options.videos > 0) {
    await ensureCrowd(bars);
  }
  return ExitStatus.done;
});

async function ensureWorld(bars: Bars): Promise<void> {
  if (await isSeeded("world")) {
    print("The seed is there already; --fresh makes it again.");
    return;
  }
  const password = config.isProduction
    ? randomBytes(12).toString("base64url")
    : DEVELOPMENT_PASSWORD;
  const usernames = await makeWorld(password, bars);
  bars.end();
  invite(usernames, password);
}

async function ensureCrowd(bars: Bars): Promise<void> {
  if (await isSeeded("crowd")) {
    print("The videos for measurements are there already; --fresh makes them again.");
    return;
  }
  await makeCrowd(options.videos, bars);
  bars.end();
  print(`Made ${options.videos} videos for measurements.`);
}

function invite(usernames: string[], password: string): void {
  const url = config.http.publicUrl ?? `http://localhost:${config.http.port}`;
  print(`Made. Sign in as any of these with the password: ${password}`);
  print(`  ${usernames.join("\n  ")}`);
  print("With the server running (npm run dev), open");
  print(`  ${url}/                the newest videos`);
  print(`  ${url}${API_PREFIX}/docs     the API`);
}

/** One bar for each step; a pipe or a file gets none. */
class Bars implements Progress {
  private bar: SingleBar | undefined;

  begin(step: string, parts: number): void {
    this.end();
    this.bar = new SingleBar({
      format: `${step.padEnd(22)} {bar} {value}/{total}`,
      hideCursor: true,
    });
    this.bar.start(parts, 0);
  }

  advance(parts = 1): void {
    this.bar?.increment(parts);
  }

  end(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}
