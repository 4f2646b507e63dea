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
import { runUntilStopped, type Program } from "./utils/run-until-stopped";

/** config -> database -> HTTP -> jobs, and back in reverse on a signal. */
const start: Program = async (onStop) => {
  const database = await connectDB();
  const app = createApp();
  const server = createHttpServer(app);
  await listen(server);
  const jobs = startJobs(config.jobs.concurrency);
  onStop(async () => {
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
};

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

runUntilStopped(logger, "server", start);
