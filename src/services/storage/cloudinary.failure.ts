const TRANSIENT_STATUS = [420, 429, 499];

/** What went wrong in one exchange with Cloudinary, freed of everything secret. */
export class CloudinaryFailure extends Error {
  override readonly name = "CloudinaryFailure";

  constructor(
    message: string,
    /** Whether the same call may succeed in a moment. */
    readonly transient: boolean,
    /** The HTTP status, where there was an answer; 499 stands for a time-out, as in the SDK. */
    readonly status?: number,
  ) {
    super(message);
  }
}

/** Whether the call is worth repeating. */
export function isTransient(error: unknown): boolean {
  return error instanceof CloudinaryFailure && error.transient;
}

/** 420 and 429 are Cloudinary's ways of saying "too many requests". */
export function failureOfStatus(status: number, message: string): CloudinaryFailure {
  return new CloudinaryFailure(message, status >= 500 || TRANSIENT_STATUS.includes(status), status);
}

/** An answer that is not what Cloudinary documents, as of a proxy in between. */
export function failureOfAnswer(message: string): CloudinaryFailure {
  return new CloudinaryFailure(message, true);
}

/**
 * Makes a failure of whatever the SDK or Node's http rejects with. The SDK rejects with plain
 * objects, some nested in `error`, and some with the request and its credentials inside: only the
 * message is taken, and `secrets` are struck from it.
 */
export function failureOf(thrown: unknown, secrets: readonly string[]): CloudinaryFailure {
  if (thrown instanceof CloudinaryFailure) {
    return thrown;
  }
  const { message, http_code: status, code } = innermost(thrown);
  const text = [code, message].filter((part) => typeof part === "string").join(": ");
  const clean = secrets.reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
  if (typeof status === "number" && status !== 200) {
    return failureOfStatus(status, clean);
  }
  return new CloudinaryFailure(clean || "The connection failed", true);
}

interface Thrown {
  message?: unknown;
  http_code?: unknown;
  code?: unknown;
  error?: unknown;
}

function innermost(thrown: unknown): Thrown {
  const known: Thrown =
    typeof thrown === "object" && thrown !== null ? thrown : { message: thrown };
  return known.error === undefined ? known : innermost(known.error);
}
