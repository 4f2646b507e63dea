import { config } from "../config/env";
import { logger } from "../config/logger";
import { connectDB } from "../db";
import { startJobs } from "../jobs";
import { runUntilStopped, type Program } from "../utils/run-until-stopped";

/** Works on the queue beside the API's own processes, at least on one job at a time. */
const start: Program = async (onStop) => {
  const concurrency = Math.max(1, config.jobs.concurrency);
  const database = await connectDB();
  const jobs = startJobs(concurrency);
  onStop(async () => {
    await jobs.stop();
    await database.disconnect();
  });
  logger.info(`Database   ${database.description}`);
  logger.info(`Processing ${concurrency} at a time`);
};

runUntilStopped(logger, "worker", start);
