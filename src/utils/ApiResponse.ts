import type { Response } from "express";
import type { Pagination } from "./pagination";

/** The one shape of every success. A list that is a bare array in `data` carries `pagination` beside it. */
export class ApiResponse<T> {
  readonly success = true;

  constructor(
    readonly statusCode: number,
    readonly data: T,
    readonly message: string,
    readonly pagination?: Pagination,
  ) {}

  send(res: Response): void {
    res.status(this.statusCode).json(this);
  }
}
