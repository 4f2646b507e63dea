import { ERROR_CATALOGUE } from "../../src/utils/ApiError";
import { operations } from "../../src/validations";
import { aliased, aliases } from "../../src/validations/aliases";
import { failureSchema } from "../../src/validations/common.validation";
import { successesOf, successSchema } from "../../src/validations/openapi";
import type { Operation } from "../../src/validations/operation";

/** Words that only the inside of the server knows; none may stand in a failure. */
const INTERNALS =
  /\bat .+:\d+:\d+|node_modules|\/src\/|mongo|E11000|cast to|\$\w+|undefined|bcrypt/i;

/** What is judged of a reply, whichever client has received it. */
interface Answer {
  status: number;
  type: string;
  body: unknown;
  get(header: string): unknown;
}

/** Fails unless the reply is exactly what the operation's schemas promise, with nothing beside it. */
export function expectContract(method: string, path: string, response: Answer): void {
  if (response.status >= 400) {
    expectFailure(method, response);
  } else if (method !== "head" && method !== "options" && response.status < 300) {
    expectSuccess(method, path, response);
  }
}

function expectFailure(method: string, response: Answer): void {
  if (method === "head") {
    return;
  }
  expect(response.type).toBe("application/json");
  const failure = failureSchema.parse(response.body);
  expect(Object.keys(ERROR_CATALOGUE)).toContain(failure.code);
  expect(failure.statusCode).toBe(response.status);
  expect(failure.requestId).toBe(response.get("x-request-id"));
  expect(`${failure.message} ${JSON.stringify(failure.errors)}`).not.toMatch(INTERNALS);
}

function expectSuccess(method: string, path: string, response: Answer): void {
  const operation = operationOf(method, path);
  if (operation.empty) {
    expect(response.body).toEqual({});
  } else if (operation.produces === undefined) {
    const { status } = response;
    schemaOf(operation, status).parse(response.body);
    const { message } = response.body as { message: string };
    expect(successesOf(operation)).toContainEqual({ status, message });
  }
}

const schemas = new Map<string, ReturnType<typeof successSchema>>();

/** Made once: thousands of replies are held against it. */
function schemaOf(operation: Operation, status: number): ReturnType<typeof successSchema> {
  const key = `${operation.method} ${operation.path} ${status}`;
  const schema = schemas.get(key) ?? successSchema(operation, status);
  schemas.set(key, schema);
  return schema;
}

const endpoints = [
  ...operations.values(),
  ...aliases.map((alias) => ({ ...aliased(alias)[1], path: alias.path })),
]
  // A path without parameters goes before one with: /users/sessions is no /users/:something.
  .sort((a, b) => a.path.split(":").length - b.path.split(":").length)
  .map((operation) => ({
    operation,
    pattern: new RegExp(`^${operation.path.replace(/:\w+/g, "[^/]+")}$`, "i"),
  }));

function operationOf(method: string, path: string): Operation {
  const pathname = path.replace(/\?.*$/, "").replace(/(.)\/$/, "$1");
  const found = endpoints.find(
    ({ operation, pattern }) => operation.method === method && pattern.test(pathname),
  );
  if (!found) {
    throw new Error(`no operation for ${method} ${path}`);
  }
  return found.operation;
}
