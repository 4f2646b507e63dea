import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Lock, Locker, RequestRelease } from "@tus/server";
import { trusted } from "mongoose";
import { UPLOAD_ACTIVE_MS } from "../../constants";
import { Upload } from "../../models/upload.model";
import { ApiError } from "../../utils/ApiError";
import { hasEnded, THIS_RUN } from "../../utils/process";

/** A holder of whom nothing is heard for this long has lost the lock. */
const LEASE_MS = 10_000;
const RENEWAL_MS = 1000;

/** Longer than a holder takes to hear that he should let go, and to do so. */
const PATIENCE_MS = 8000;
const LOOK_MS = 100;

/**
 * Locks uploads for all processes that share the database. A request that waits asks the holder to
 * let go: most often he is the same client's last request, whose connection is dead.
 */
export const uploadLocker: Locker = { newLock: (id) => new DatabaseLock(id) };

class DatabaseLock implements Lock {
  private readonly token = randomUUID();
  private until = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly id: string) {}

  /** @throws ApiError UPLOAD_LOCKED when the holder does not let go, UPLOAD_NOT_FOUND */
  async lock(signal: AbortSignal, requestRelease: RequestRelease): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await this.take())) {
      if (signal.aborted || Date.now() > deadline) {
        throw new ApiError("UPLOAD_LOCKED", { headers: { "Retry-After": "2" } });
      }
      await pause(LOOK_MS);
    }
    this.timer = setInterval(() => void this.renew(requestRelease), RENEWAL_MS);
  }

  async unlock(): Promise<void> {
    clearInterval(this.timer);
    await Upload.updateOne({ _id: this.id, "lock.token": this.token }, { $set: { lock: null } });
  }

  private async take(): Promise<boolean> {
    const free = [{ lock: null }, { "lock.until": trusted({ $lte: new Date() }) }];
    const lock = { ...THIS_RUN, token: this.token, isWanted: false, until: this.term() };
    const { matchedCount } = await Upload.updateOne(
      { _id: this.id, $or: free },
      { $set: { lock, activeUntil: new Date(Date.now() + UPLOAD_ACTIVE_MS) } },
    );
    if (matchedCount === 0) {
      await this.disturb();
    }
    return matchedCount === 1;
  }

  /** Asks the holder to let go, or takes the lock from one who is dead. */
  private async disturb(): Promise<void> {
    const upload = await Upload.findById(this.id);
    if (!upload) {
      throw new ApiError("UPLOAD_NOT_FOUND");
    }
    if (upload.lock) {
      const { token } = upload.lock;
      await Upload.updateOne(
        { _id: this.id, "lock.token": token },
        { $set: hasEnded(upload.lock) ? { lock: null } : { "lock.isWanted": true } },
      );
    }
  }

  private async renew(requestRelease: RequestRelease): Promise<void> {
    if (!(await this.isKept())) {
      await requestRelease();
    }
  }

  /** Whether the lock is still this holder's and nobody else waits for it. */
  private async isKept(): Promise<boolean> {
    const deadline = this.until;
    try {
      const upload = await Upload.findOneAndUpdate(
        { _id: this.id, "lock.token": this.token },
        {
          $set: {
            "lock.until": this.term(),
            activeUntil: new Date(Date.now() + UPLOAD_ACTIVE_MS),
          },
        },
      );
      return upload?.lock?.isWanted === false;
    } catch {
      this.until = deadline;
      return Date.now() < deadline;
    }
  }

  private term(): Date {
    this.until = Date.now() + LEASE_MS;
    return new Date(this.until);
  }
}
