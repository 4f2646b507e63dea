import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createApp } from "./app";
import { config } from "./config/env";
import { logger } from "./config/logger";
import { API_PREFIX } from "./constants";
import { connectDB } from "./db";
import { startJobs } from "./jobs";
import { ffmpegTools, storage } from "./services";
import { createHttpServer, drain } from "./utils/http-server";
import { sweepPrivateFolders } from "./utils/private-folder";

/** Longest a stop may take, from the signal to the exit. */
const STOP_LIMIT_MS = 10_000;

const SAME_SIGNAL_MS = 1000;

/** config -> database -> HTTP -> jobs, and back in reverse on a signal. */
async function start(): Promise<void> {
  await sweepPrivateFolders(config.uploadFolder);
  await sweepPrivateFolders(config.workFolder);
  const database = await connectDB();
  const app = createApp();
  const server = createHttpServer(app);
  await listen(server);
  const jobs = startJobs(config.jobs.concurrency);
  stopOnSignal(async () => {
    (app.locals.draining as AbortController).abort();
    await Promise.all([drain(server), jobs.stop()]);
    await database.disconnect();
  });

  const { port } = server.address() as AddressInfo;
  const url = config.http.publicUrl ?? `http://localhost:${port}`;
  logger.info(`Database   ${database.description}`);
  logger.info(`Storage    ${storage.name}`);
  logger.info(`ffmpeg     ${await describeFfmpeg()}`);
  logger.info(`Processing ${describeProcessing()}`);
  logger.info(`API        ${url}${API_PREFIX}`);
  logger.info(`API docs   ${url}${API_PREFIX}/docs`);
}

/** Without ffmpeg everything but publishing works, so its absence is no reason not to start. */
async function describeFfmpeg(): Promise<string> {
  try {
    const { version, source } = await ffmpegTools();
    return `${version} (${source})`;
  } catch (error) {
    return `not usable, videos cannot be published: ${(error as Error).message}`;
  }
}

function describeProcessing(): string {
  const { concurrency } = config.jobs;
  return concurrency > 0 ? `${concurrency} at a time` : "left to workers (npm run worker)";
}

async function listen(server: Server): Promise<void> {
  server.listen(config.http.port, config.http.host);
  // `once` rejects with the server's error, such as a port in use.
  await once(server, "listening");
}

/**
 * Stops once. Supervisors signal the process and its group at nearly the same time, so only a
 * signal that comes later than that is somebody's wish to end it at once.
 */
function stopOnSignal(stop: () => Promise<void>): void {
  let stoppingSince: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (stoppingSince !== undefined) {
      if (Date.now() - stoppingSince > SAME_SIGNAL_MS) {
        process.exit(1);
      }
      return;
    }
    stoppingSince = Date.now();
    logger.info(`${signal}: finishing what runs, then stopping`);
    finish(0);
  };
  const finish = (exitCode: number) => {
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
    stop().then(
      () => process.exit(exitCode),
      (err: unknown) => fail(err, "stopping failed"),
    );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  // The process is in an unknown state: what runs may finish, then a supervisor starts a new one.
  process.once("uncaughtException", (err) => {
    logger.fatal({ err }, "uncaught exception: finishing what runs, then stopping");
    finish(1);
  });
}

function fail(err: unknown, message: string): void {
  logger.fatal({ err }, message);
  logger.flush(() => process.exit(1));
}

// A forgotten rejection is a bug worth a line, not worth every other request in flight.
process.on("unhandledRejection", (err) => logger.error({ err }, "unhandled rejection"));

start().catch((err: unknown) => fail(err, `The server could not start: ${(err as Error).message}`));
