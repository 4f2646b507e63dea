import type { Logger } from "pino";

/** Longest a stop may take, from the signal to the exit. */
const STOP_LIMIT_MS = 10_000;

const SAME_SIGNAL_MS = 1000;

/** Lets go of what a program runs on, once what has begun is finished or given back. */
type Stop = () => Promise<void>;

/** Starts what a program does, and says how to stop as soon as there is something to let go of. */
export type Program = (onStop: (stop: Stop) => void) => Promise<void>;

/**
 * Runs a program until it is told to stop. Ends the process: with status 0 after a signal, with 1 when starting or
 * stopping fails, takes too long, or an exception was nobody's.
 */
export function runUntilStopped(logger: Logger, name: string, start: Program): void {
  const fail = (err: unknown, message: string) => {
    logger.fatal({ err }, message);
    logger.flush(() => process.exit(1));
  };
  // A forgotten rejection is a bug worth a line, not worth everything else that runs.
  process.on("unhandledRejection", (err) => logger.error({ err }, "unhandled rejection"));
  start((stop) =>
    whenTold(logger, (exitCode) => {
      setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
      stop().then(
        () => process.exit(exitCode),
        (err: unknown) => fail(err, "stopping failed"),
      );
    }),
  ).catch((err: unknown) => fail(err, `The ${name} could not start: ${(err as Error).message}`));
}

/**
 * Supervisors signal the process and its group at nearly the same time, so only a signal that comes
 * later than that is somebody's wish to end it at once.
 */
function whenTold(logger: Logger, finish: (exitCode: number) => void): void {
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
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  // The process is in an unknown state: what runs may finish, then a supervisor starts a new one.
  process.once("uncaughtException", (err) => {
    logger.fatal({ err }, "uncaught exception: finishing what runs, then stopping");
    finish(1);
  });
}
