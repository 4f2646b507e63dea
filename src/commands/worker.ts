import { once } from "node:events";
import { config } from "../config/env";
import { logger } from "../config/logger";
import { connectDB } from "../db";
import { startJobs } from "../jobs";
import { sweepPrivateFolders } from "../utils/private-folder";

/** Longest a stop may take, from the signal to the exit. */
const STOP_LIMIT_MS = 10_000;

/** Works on the queue beside the API's own processes until it is told to stop. */
async function start(): Promise<void> {
  await sweepPrivateFolders(config.workFolder);
  const database = await connectDB();
  const jobs = startJobs(Math.max(1, config.jobs.concurrency));
  logger.info(`Database   ${database.description}`);
  logger.info(`Processing ${Math.max(1, config.jobs.concurrency)} at a time`);
  stopOnSignal(async () => {
    await jobs.stop();
    await database.disconnect();
  });
}

/** Stops once, however many signals come; what hangs is left to its lease and the next clean-up. */
function stopOnSignal(stop: () => Promise<void>): void {
  const ended = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  process.on("SIGTERM", () => undefined).on("SIGINT", () => undefined);
  void ended.then(() => {
    logger.info("Giving back what is unfinished, then stopping");
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
    return stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}

start().catch((err: unknown) => {
  logger.fatal({ err }, `The worker could not start: ${(err as Error).message}`);
  logger.flush(() => process.exit(1));
});
