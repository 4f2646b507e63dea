import { typeName } from "./bson/values";

/**
 * The error codes this server answers with.
 * @see https://www.mongodb.com/docs/manual/reference/error-codes/
 */
const ERROR_NAMES = {
  1: "InternalError",
  2: "BadValue",
  4: "NoSuchKey",
  9: "FailedToParse",
  13: "Unauthorized",
  14: "TypeMismatch",
  15: "Overflow",
  16: "InvalidLength",
  18: "AuthenticationFailed",
  20: "IllegalOperation",
  22: "InvalidBSON",
  26: "NamespaceNotFound",
  27: "IndexNotFound",
  28: "PathNotViable",
  34: "CannotBackfillArray",
  40: "ConflictingUpdateOperators",
  43: "CursorNotFound",
  48: "NamespaceExists",
  47: "NoMatchingDocument",
  50: "MaxTimeMSExpired",
  52: "DollarPrefixedFieldName",
  53: "InvalidIdField",
  54: "NotSingleValueField",
  56: "EmptyFieldName",
  59: "CommandNotFound",
  66: "ImmutableField",
  67: "CannotCreateIndex",
  72: "InvalidOptions",
  73: "InvalidNamespace",
  79: "UnknownReplWriteConcern",
  85: "IndexOptionsConflict",
  86: "IndexKeySpecsConflict",
  91: "ShutdownInProgress",
  100: "UnsatisfiableWriteConcern",
  111: "NotExactValueField",
  112: "WriteConflict",
  121: "DocumentValidationFailure",
  125: "CommandFailed",
  146: "ExceededMemoryLimit",
  165: "ViewDepthLimitExceeded",
  166: "CommandNotSupportedOnView",
  167: "OptionNotSupportedOnView",
  168: "InvalidPipelineOperator",
  171: "CannotIndexParallelArrays",
  175: "QueryPlanKilled",
  197: "InvalidIndexSpecificationOption",
  205: "ClusterTimeFailsRateLimiter",
  224: "QueryFeatureNotAllowed",
  225: "TransactionTooOld",
  237: "CursorKilled",
  238: "NotImplemented",
  239: "SnapshotTooOld",
  241: "ConversionFailure",
  246: "SnapshotUnavailable",
  251: "NoSuchTransaction",
  256: "TransactionCommitted",
  260: "InvalidResumeToken",
  261: "TooManyLogicalSessions",
  263: "OperationNotSupportedInTransaction",
  280: "ChangeStreamFatalError",
  286: "ChangeStreamHistoryLost",
  291: "NoQueryExecutionPlans",
  292: "QueryExceededMemoryLimitNoDiskUseAllowed",
  322: "APIVersionError",
  323: "APIStrictError",
  359: "CannotConvertIndexToUnique",
  388: "TransactionTooLargeForCache",
  10334: "BSONObjectTooLarge",
  11000: "DuplicateKey",
  13297: "DatabaseDifferCase",
  31082: "SearchNotEnabled",
} as const;

/** Codes that MongoDB answers as `LocationNNNNN`, having no name of their own. */
type LocationCode = number;

function codeName(code: LocationCode): string {
  return (ERROR_NAMES as Record<number, string>)[code] ?? `Location${code}`;
}

/**
 * An answer, not a fault: it goes to the client as `{ ok: 0, code, codeName, errmsg }`.
 * Any other thrown value is reported as an InternalError.
 */
export class MongoError extends Error {
  readonly codeName: string;

  constructor(
    readonly code: number,
    message: string,
    /** Further fields of the answer, such as `keyPattern` and `keyValue`. */
    readonly details: Record<string, unknown> = {},
    readonly labels: readonly string[] = [],
  ) {
    super(message);
    this.name = "MongoError";
    this.codeName = codeName(code);
  }

  /** The same error, saying what was being done. */
  within(context: string): MongoError {
    const message = `${context} :: caused by :: ${this.message}`;
    return new MongoError(this.code, message, this.details, this.labels);
  }
}

/** Runs something whose errors say what was being done when they came up. */
export function within<T>(context: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof MongoError ? error.within(context) : error;
  }
}

/** The code-2 error most malformed arguments end in. */
export function badValue(message: string): MongoError {
  return new MongoError(2, message);
}

export function failedToParse(message: string): MongoError {
  return new MongoError(9, message);
}

export function typeMismatch(message: string): MongoError {
  return new MongoError(14, message);
}

/** A field of a command, by its path, that holds another type than it must. */
export function wrongType(field: string, value: unknown, expected: string): MongoError {
  return typeMismatch(
    `BSON field '${field}' is the wrong type '${typeName(value)}', expected type '${expected}'`,
  );
}

/** Throws for options that are not allowed, or not together. */
export function refuseOptionsIf(wrong: boolean, message: string): void {
  if (wrong) {
    throw new MongoError(72, message);
  }
}

/** The answer to a field that a command, a stage or an option does not know. */
export function unknownField(where: string, field: string): MongoError {
  return new MongoError(40415, `BSON field '${where}.${field}' is an unknown field.`);
}

/** What every MongoDB server outside of Atlas answers to Atlas Search. */
export function searchNotEnabled(name: string): MongoError {
  return new MongoError(
    31082,
    `Using ${name} requires additional configuration. Please connect to Atlas or an AtlasCLI local deployment to enable.`,
  );
}
