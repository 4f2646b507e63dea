import type { Response } from "express";

/** Runs the act when the response is over, however it ends, and the last handler has finished too. */
export function whenDone(res: Response, act: () => Promise<unknown>): void {
  const run = () => void afterWork(res).then(act);
  if (res.closed) {
    run();
  } else {
    res.once("close", run);
  }
}

/** A client may leave while its request is still worked on. */
async function afterWork(res: Response): Promise<void> {
  let seen: Promise<void> | undefined;
  while (seen !== res.locals.work) {
    seen = res.locals.work;
    await seen?.catch(() => undefined);
  }
}
