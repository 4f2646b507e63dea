import { logger } from "../config/logger";
import type { JobDocument, VideoStep } from "../models/job.model";
import { failureOf } from "./failure";
import {
  claimJob,
  failJob,
  LeaseLost,
  onEnqueued,
  releaseJob,
  releaseOrphans,
  renewJob,
} from "./queue";
import { processVideo } from "./video-processing";

/** Milliseconds between two looks at the queue when nobody rings. */
const LOOK_MS = 1000;
/** Milliseconds between two signs of life, which carry the progress. */
const PULSE_MS = 1000;

/** What a handler may know and do beside its work. */
export interface JobContext {
  /** Aborted when the work is cancelled, lost or given back; what it is then thrown with, is no failure. */
  signal: AbortSignal;
  /** A step has come this far, from 0 when it begins to 1 when it is done. */
  report: (step: VideoStep, progress: number) => void;
}

/** A handler ends its job itself, by completeJob. */
type Handler = (job: JobDocument, context: JobContext) => Promise<void>;

const HANDLERS: Record<JobDocument["type"], Handler> = { "process-video": processVideo };

/** Takes work from the queue, so many pieces at a time. */
export class Worker {
  #stopping = new AbortController();
  #running = new Set<Promise<void>>();
  #wake = () => {};
  #loop: Promise<void>;

  constructor(readonly concurrency: number) {
    this.#loop = this.#run();
  }

  /** Gives what is unfinished back to the queue and resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#loop;
    await Promise.all(this.#running);
  }

  async #run(): Promise<void> {
    const silence = onEnqueued(() => this.#wake());
    await releaseOrphans().catch(warn);
    while (!this.#stopping.signal.aborted) {
      const isFull = this.#running.size >= this.concurrency;
      const job = isFull ? null : await claimJob().catch(warn);
      if (job) {
        this.#begin(job);
      } else {
        await this.#pause();
      }
    }
    silence();
  }

  #begin(job: JobDocument): void {
    const work = perform(job, this.#stopping.signal)
      .catch(warn)
      .then(() => {
        this.#running.delete(work);
        this.#wake();
      });
    this.#running.add(work);
  }

  /** Until the bell rings, a place becomes free, the worker stops or it is time to look again. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#stopping.signal.aborted) {
        this.#wake();
      }
    });
  }
}

/** Does one job and notes how it ended. */
async function perform(job: JobDocument, stopping: AbortSignal): Promise<void> {
  const lost = new AbortController();
  const signal = AbortSignal.any([stopping, lost.signal]);
  const pulse = new Pulse(job, (reason) => lost.abort(reason));
  try {
    await HANDLERS[job.type](job, { signal, report: (step, part) => pulse.report(step, part) });
  } catch (error) {
    await pulse.stop();
    await settle(job, error, signal);
  } finally {
    await pulse.stop();
  }
}

async function settle(job: JobDocument, error: unknown, signal: AbortSignal): Promise<void> {
  try {
    if (signal.reason instanceof LeaseLost || error instanceof LeaseLost) {
      return;
    }
    if (signal.aborted) {
      await releaseJob(job);
      return;
    }
    const { isHopeless, ...failure } = failureOf(error);
    logger.warn({ err: error, job: job.id, attempt: job.attempts }, failure.message);
    await failJob(job, failure, { isHopeless });
  } catch (thrown) {
    if (!(thrown instanceof LeaseLost)) {
      throw thrown;
    }
  }
}

/** Keeps a job's lease and tells how far the work is; what has been told is in `job.steps`. */
class Pulse {
  readonly #timer: NodeJS.Timeout;
  #isChanged = false;
  #beat: Promise<void> = Promise.resolve();
  #isBeating = false;

  constructor(
    readonly job: JobDocument,
    readonly onLost: (reason: LeaseLost) => void,
  ) {
    this.#timer = setInterval(() => {
      if (!this.#isBeating) {
        this.#beat = this.#renew();
      }
    }, PULSE_MS);
  }

  /** Notes the progress of a step; several may be in hand. */
  report(step: VideoStep, progress: number): void {
    const noted = this.job.steps.find(({ name }) => name === step)!;
    Object.assign(noted, { progress, state: progress < 1 ? "processing" : "ready" });
    this.#isChanged = true;
  }

  /** Resolves when no write is under way any more. */
  stop(): Promise<void> {
    clearInterval(this.#timer);
    return this.#beat;
  }

  async #renew(): Promise<void> {
    this.#isBeating = true;
    const isChanged = this.#isChanged;
    this.#isChanged = false;
    try {
      await renewJob(this.job, isChanged ? this.job.steps : undefined);
    } catch (error) {
      if (error instanceof LeaseLost) {
        this.onLost(error);
      }
      // A database that is away for a moment takes no lease from anybody; the next beat tells it.
      this.#isChanged ||= isChanged;
    } finally {
      this.#isBeating = false;
    }
  }
}

function warn(err: unknown): null {
  logger.warn({ err }, "the queue could not be worked on, the next look tries again");
  return null;
}
