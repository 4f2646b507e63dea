/** There is no object under the key. */
export class StorageNotFoundError extends Error {
  override readonly name: string = "StorageNotFoundError";
  readonly code = "STORAGE_NOT_FOUND";

  constructor(readonly key: string) {
    super(`No object is stored under ${key}`);
  }
}

/** The key or the range asked for is not one the contract allows: a mistake of the caller. */
export class StorageRequestError extends Error {
  override readonly name: string = "StorageRequestError";
  readonly code = "STORAGE_BAD_REQUEST";
}

/**
 * The storage cannot do its work now; trying again later may succeed. The message names the
 * driver and the act, never a credential; `cause` is the failure beneath, for the log.
 */
export class StorageUnavailableError extends Error {
  override readonly name: string = "StorageUnavailableError";
  readonly code: "STORAGE_UNAVAILABLE" | "STORAGE_FULL" = "STORAGE_UNAVAILABLE";

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
  }
}

/** No space or no quota is left; reading still works. */
export class StorageFullError extends StorageUnavailableError {
  override readonly name = "StorageFullError";
  override readonly code = "STORAGE_FULL";
}
