import type { Request, RequestHandler, Response } from "express";
import type { z } from "zod";
import { ApiError, type FieldError } from "../utils/ApiError";
import { hasBody } from "../utils/has-body";
import type { Operation } from "../validations/operation";

/** What a controller of the operation works with. */
interface Validated<
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  H extends z.ZodObject,
> {
  params: z.output<P>;
  query: z.output<Q>;
  body: z.output<B>;
  headers: z.output<H>;
}

/**
 * Parses params, query, headers and body with the operation's schemas; controllers see nothing else. All
 * that is wrong is reported at once, missing files too.
 */
export function validate(operation: Operation): RequestHandler {
  return function validateRequest(req, res, next) {
    const params = parse(operation.params, req.params);
    const query = parse(operation.query, req.query);
    // Express leaves no body at all where none was sent.
    const body = parse(operation.body, req.body ?? {});
    const headers = parse(operation.headers, headersOf(req, operation));
    const errors = [
      ...params.errors,
      ...query.errors,
      ...headers.errors,
      ...body.errors,
      ...missingFiles(operation, res),
    ];
    if (body.errors.length > 0 && isUnread(req)) {
      throw new ApiError("UNSUPPORTED_MEDIA_TYPE", {
        message: "Send the body with Content-Type: application/json, or as a form",
      });
    }
    if (errors.length > 0) {
      throw invalidInput(errors);
    }
    res.locals.validated = {
      params: params.value,
      query: query.value,
      body: body.value,
      headers: headers.value,
    };
    next();
  };
}

/** True for a body of a type that nobody here reads; fetch() says text/plain unless it is told more. */
function isUnread(req: Request): boolean {
  return hasBody(req) && req.body === undefined;
}

/** The refusal of input, naming every field that is wrong. */
export function invalidInput(errors: FieldError[]): ApiError {
  return new ApiError("VALIDATION_FAILED", { message: summary(errors), errors });
}

/** The parsed input of the operation that `validate` was given on this route. */
export function validated<
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  H extends z.ZodObject,
>(res: Response, _operation: Operation<P, Q, B, H>): Validated<P, Q, B, H> {
  return res.locals.validated as Validated<P, Q, B, H>;
}

/** The headers that the operation has, in its spelling; those of HTTP have none. */
function headersOf(req: Request, { headers }: Operation): Record<string, string | undefined> {
  const names = Object.keys(headers?.shape ?? {});
  return Object.fromEntries(names.map((name) => [name, req.get(name)]));
}

interface Parsed {
  value: unknown;
  errors: FieldError[];
}

function parse(schema: z.ZodType | undefined, input: Request["body"]): Parsed {
  const result = schema?.safeParse(input);
  if (result === undefined || result.success) {
    return { value: result?.data, errors: [] };
  }
  const errors = result.error.issues.map((issue) => ({
    path: issue.path.join(".") || "body",
    message: issue.message,
  }));
  return { value: undefined, errors };
}

function missingFiles(operation: Operation, res: Response): FieldError[] {
  return Object.entries(operation.files ?? {})
    .filter(([name, field]) => field.required && res.locals.files?.[name] === undefined)
    .map(([name]) => ({ path: name, message: "a file is required" }));
}

/** Most clients show only the message, so it says what the first thing is that is wrong. */
function summary(errors: FieldError[]): string {
  const [first] = errors;
  const others = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return first ? `${first.path}: ${first.message}${others}` : "";
}
