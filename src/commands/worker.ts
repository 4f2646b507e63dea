import { config } from "../config/env";
import { logger } from "../config/logger";
import { connectDB } from "../db";
import { startJobs } from "../jobs";
import { sweepPrivateFolders } from "../utils/private-folder";

/** Works on the queue beside the API's own processes until it is told to stop. */
async function start(): Promise<void> {
  await sweepPrivateFolders(config.workFolder);
  const database = await connectDB();
  const jobs = startJobs(Math.max(1, config.jobs.concurrency));
  logger.info(`Database   ${database.description}`);
  logger.info(`Processing ${Math.max(1, config.jobs.concurrency)} at a time`);
  const stop = async () => {
    logger.info("Giving back what is unfinished, then stopping");
    await jobs.stop();
    await database.disconnect();
    process.exit(0);
  };
  process.once("SIGTERM", () => void stop());
  process.once("SIGINT", () => void stop());
}

start().catch((err: unknown) => {
  logger.fatal({ err }, `The worker could not start: ${(err as Error).message}`);
  logger.flush(() => process.exit(1));
});
