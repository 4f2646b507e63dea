import {
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type RouteConfig,
} from "@asteasolutions/zod-to-openapi";
import { API_PREFIX } from "../constants";
import { ERROR_CATALOGUE, type ErrorCode } from "../utils/ApiError";
import { groupBy } from "../utils/group-by";
import { aliased, aliases, type Alias } from "./aliases";
import type { choice } from "./common.validation";
import { failureSchema, paginationSchema } from "./common.validation";
import { addExamples } from "./examples";
import { operations } from "./index";
import type { FileField, Operation } from "./operation";
import { z } from "./zod";

/** Every endpoint may refuse with these. */
const SHARED_ERRORS: ErrorCode[] = ["TOO_MANY_REQUESTS", "INTERNAL_ERROR", "DATABASE_UNAVAILABLE"];
const SIGNED_IN_ERRORS: ErrorCode[] = [
  "UNAUTHENTICATED",
  "INVALID_ACCESS_TOKEN",
  "ACCESS_TOKEN_EXPIRED",
];

const SECURITY: Record<Operation["access"], Record<string, string[]>[]> = {
  public: [],
  optional: [{}, { accessTokenCookie: [] }, { bearerToken: [] }],
  required: [{ accessTokenCookie: [] }, { bearerToken: [] }],
  eitherToken: [{ accessTokenCookie: [] }, { bearerToken: [] }, { refreshTokenCookie: [] }],
};

const INTRODUCTION = `Every success is \`{ statusCode, data, message, success: true }\`, every failure
\`{ statusCode, data: null, message, success: false, errors, code, requestId }\`, always JSON.
\`code\` is stable; \`errors\` names each field that is wrong.

Sign in with \`POST /users/login\`; the tokens come as HttpOnly cookies and in the body, for
\`Authorization: Bearer\`. 401 means "not authenticated" and nothing else.

Bodies may be JSON, urlencoded or multipart. Lists take \`page\` and \`limit\`, or \`cursor\`.`;

const TAGS: Record<Operation["tag"], string> = {
  Users: "Accounts, sessions and channels",
  Videos: "Uploading, finding and watching",
  Uploads: "Of large files, by the tus protocol: what is cut off goes on where it was",
  Captions: "Subtitles of a video, one file per language",
  Comments: "On videos, with replies",
  Likes: "Of videos, comments and tweets",
  Tweets: "Short posts of a channel",
  Playlists: "Ordered collections of videos",
  Subscriptions: "Who follows whom, and what is new there",
  Dashboard: "One's own channel",
  Media: "The stored files",
  Health: "For load balancers and operators",
  Docs: "This description",
};

type Document = ReturnType<OpenApiGeneratorV31["generateDocument"]>;

let document: Document | undefined;

/** The OpenAPI 3.1 description of the whole API, made once from the operations' schemas. */
export function openApiDocument(): Document {
  document ??= generate();
  return document;
}

function generate(): Document {
  const registry = new OpenAPIRegistry();
  registry.registerComponent("securitySchemes", "bearerToken", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
  });
  for (const name of ["accessToken", "refreshToken"]) {
    registry.registerComponent("securitySchemes", `${name}Cookie`, {
      type: "apiKey",
      in: "cookie",
      name,
    });
  }
  for (const [operationId, operation] of operations) {
    registry.registerPath(route(operationId, operation));
  }
  for (const alias of aliases) {
    registry.registerPath(aliasRoute(alias));
  }
  for (const code of Object.keys(ERROR_CATALOGUE) as ErrorCode[]) {
    registry.registerComponent("examples", code, { value: failureExample(code) });
  }
  const generated = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: "3.1.0",
    info: {
      title: "Mega Backend",
      version: "1.0.0",
      description: INTRODUCTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: API_PREFIX }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
  });
  addExamples(generated);
  return generated;
}

function failureExample(code: ErrorCode): z.infer<typeof failureSchema> {
  const [statusCode, message] = ERROR_CATALOGUE[code];
  return {
    statusCode,
    data: null,
    message,
    success: false,
    errors: code === "VALIDATION_FAILED" ? [{ path: "limit", message: "must be 1 or more" }] : [],
    code,
    requestId: "3f2b8c1e-5d47-4a6b-9c0d-1e2f3a4b5c6d",
  };
}

function route(operationId: string, operation: Operation): RouteConfig {
  return {
    operationId,
    method: operation.method,
    path: operation.path.replace(/:(\w+)/g, "{$1}"),
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    security: SECURITY[operation.access],
    request: {
      ...(operation.params ? { params: operation.params as z.ZodObject } : {}),
      ...(operation.query ? { query: operation.query as z.ZodObject } : {}),
      ...(operation.headers ? { headers: operation.headers } : {}),
      ...body(operation),
    },
    responses: { ...success(operation), ...failures(operation) },
  };
}

/** An alias as an operation of its own: what its endpoint is, at the other path. */
function aliasRoute(alias: Alias): RouteConfig {
  const { method, path, target } = alias;
  const [targetPath, query] = target.split("?");
  const [operationId, operation] = aliased(alias);
  const config = route(`${operationId}Alias`, {
    ...operation,
    path,
    ...(query === undefined ? {} : movedToPath(operation, query)),
  });
  return {
    ...config,
    deprecated: true,
    description: `Another spelling of \`${method.toUpperCase()} ${targetPath}\`.`,
  };
}

/** The parameter that an alias takes in its path instead of the query. */
function movedToPath(operation: Operation, query: string): Pick<Operation, "params" | "query"> {
  const [name = ""] = query.split("=");
  const { [name]: moved, ...rest } = (operation.query as z.ZodObject).shape;
  return {
    params: z.object({ [name]: (moved as ReturnType<typeof choice>).def.out.unwrap() }),
    query: z.object(rest),
  };
}

const TEXT_TYPES = ["application/json", "application/x-www-form-urlencoded"];

function body({
  body: schema,
  files = {},
  consumes,
}: Operation): Pick<NonNullable<RouteConfig["request"]>, "body"> {
  if (consumes !== undefined) {
    const piece = z.string().openapi({ type: "string", format: "binary", example: "clip.mp4" });
    // What brings its fields along may leave the bytes for later.
    return { body: { required: schema === undefined, content: { [consumes]: { schema: piece } } } };
  }
  const needsFile = Object.values(files).some((file) => file.required);
  if (!schema && !needsFile) {
    return {};
  }
  const content = Object.fromEntries(
    needsFile || !schema ? [] : TEXT_TYPES.map((type) => [type, { schema }]),
  );
  content["multipart/form-data"] = { schema: multipart(schema, files) };
  return { body: { required: needsFile, content } };
}

/** Names of files in `docs/assets/`. */
const EXAMPLE_FILES: Record<FileField["kind"], string> = {
  image: "image.png",
  video: "clip.mp4",
  captions: "captions.srt",
};

function multipart(schema: z.ZodType | undefined, files: Record<string, FileField>): z.ZodType {
  const parts = Object.entries(files).map(([name, { kind, required, description }]) => {
    const example = EXAMPLE_FILES[kind];
    const part = z.string().openapi({ type: "string", format: "binary", description, example });
    return [name, required ? part : part.optional()] as const;
  });
  const fields = z.object(Object.fromEntries(parts));
  return schema ? (schema as z.ZodObject).extend(fields.shape) : fields;
}

function success(operation: Operation): RouteConfig["responses"] {
  if (operation.empty) {
    const { status, summary } = operation;
    return { [status]: { description: summary, ...replyHeaders(operation) } };
  }
  if (operation.produces !== undefined) {
    const file = z.string().openapi({ type: "string", format: "binary" });
    const schema = operation.produces === "application/json" ? operation.data : file;
    return {
      [operation.status]: {
        description: operation.summary,
        content: { [operation.produces]: { schema } },
      },
    };
  }
  return Object.fromEntries(
    successesOf(operation).map(({ status, message }) => [
      status,
      {
        description: message,
        ...replyHeaders(operation),
        content: { "application/json": { schema: successSchema(operation, status) } },
      },
    ]),
  );
}

function replyHeaders({ replyHeaders: headers = {} }: Operation) {
  const entries = Object.entries(headers).map(
    ([name, description]) => [name, { description, schema: { type: "string" as const } }] as const,
  );
  return entries.length > 0 ? { headers: Object.fromEntries(entries) } : {};
}

/** The statuses an operation succeeds with, each with its message. */
export function successesOf({
  status,
  message,
  off,
}: Operation): { status: number; message: string }[] {
  return [{ status, message }, ...(off ? [off] : [])];
}

/** The whole body of an operation's success. */
export function successSchema(operation: Operation, status: number = operation.status): z.ZodType {
  const success = successesOf(operation).find((one) => one.status === status);
  return z.strictObject({
    statusCode: z.literal(status),
    data: operation.data,
    message: z.string().openapi({ example: success?.message }),
    success: z.literal(true),
    ...(operation.list ? { pagination: paginationSchema } : {}),
  });
}

/** One entry for each status, naming the codes that come with it. */
function failures(operation: Operation): RouteConfig["responses"] {
  const byStatus = groupBy(errorsOf(operation), (code) => ERROR_CATALOGUE[code][0]);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\` ${ERROR_CATALOGUE[code][1]}`).join("\n\n"),
        content: {
          "application/json": {
            schema: failureSchema,
            examples: Object.fromEntries(
              codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
            ),
          },
        },
      },
    ]),
  );
}

function errorsOf({
  access,
  params,
  query,
  body: schema,
  files,
  consumes,
  errors,
  method,
}: Operation): ErrorCode[] {
  const hasFields = schema !== undefined && consumes === undefined;
  return [
    ...((params ?? query ?? schema ?? files) ? (["VALIDATION_FAILED"] as const) : []),
    ...(hasFields
      ? (["INVALID_JSON", "PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"] as const)
      : []),
    ...(files ? (["INVALID_MULTIPART", "FILE_TOO_LARGE", "STORAGE_UNAVAILABLE"] as const) : []),
    ...(access === "required" || access === "eitherToken" ? SIGNED_IN_ERRORS : []),
    ...(access === "optional" ? (["ACCESS_TOKEN_EXPIRED"] as const) : []),
    ...(method === "get" ? [] : (["CROSS_SITE_REQUEST"] as const)),
    ...(errors ?? []),
    ...SHARED_ERRORS,
  ];
}
