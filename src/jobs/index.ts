import { config } from "../config/env";
import { logger } from "../config/logger";
import { sweepPrivateFolders } from "../utils/private-folder";
import { sweepFiles } from "./files";
import { releaseOrphans } from "./queue";
import { finishRemovals } from "./removal";
import { Worker } from "./worker";
import { sweepResumable } from "./resumable/finish";

const INTERVAL_MS = 60_000;

/** Background work in hand; `stop` resolves when what runs has ended. */
export interface Jobs {
  stop(): Promise<void>;
}

/**
 * Works on the queue, and cleans up what crashes left, now and every minute. All of it may run in
 * several processes at once.
 */
export function startJobs(concurrency: number): Jobs {
  const worker = new Worker(concurrency);
  let running = cleanUp();
  const timer = setInterval(() => {
    running = running.then(cleanUp);
  }, INTERVAL_MS);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all([worker.stop(), running]);
    },
  };
}

async function cleanUp(): Promise<void> {
  try {
    // First: they need no database.
    await sweepPrivateFolders(config.uploadFolder);
    await sweepPrivateFolders(config.workFolder);
    await finishRemovals();
    await sweepFiles();
    await releaseOrphans();
    await sweepResumable();
  } catch (err) {
    logger.warn({ err }, "cleaning up failed, the next round tries again");
  }
}
