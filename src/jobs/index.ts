import { logger } from "../config/logger";
import { sweepFiles } from "./files";
import { finishRemovals } from "./removal";
import { sweepResumable } from "./resumable/finish";

const INTERVAL_MS = 60_000;

/** Background work in hand; `stop` resolves when what runs has ended. */
export interface Jobs {
  stop(): Promise<void>;
}

/** Cleans up what crashes left, now and every minute. Every step may run in several processes at once. */
export function startJobs(): Jobs {
  let running = cleanUp();
  const timer = setInterval(() => {
    running = running.then(cleanUp);
  }, INTERVAL_MS);
  return {
    stop() {
      clearInterval(timer);
      return running;
    },
  };
}

async function cleanUp(): Promise<void> {
  try {
    await finishRemovals();
    await sweepFiles();
    await sweepResumable();
  } catch (err) {
    logger.warn({ err }, "cleaning up failed, the next round tries again");
  }
}
