import type { NextFunction, Request, RequestHandler, Response } from "express";

type AsyncRequestHandler = (req: Request, res: Response, next: NextFunction) => Promise<void>;

/**
 * Wraps an async middleware or controller: a rejection goes to the error middleware. The running
 * promise is left in `res.locals.work`, so that clean-up can wait for work that outlives its client.
 */
export function asyncHandler(handler: AsyncRequestHandler): RequestHandler {
  return function runAsyncHandler(req, res, next) {
    const work = handler(req, res, next);
    res.locals.work = work;
    work.catch(next);
  };
}
