import { openApiDocument } from "../../src/validations/openapi";
import { SCENARIO, VARIABLES, type Row } from "./scenario";

/** A schema as JSON Schema has it, closed over the document's components. */
type Schema = Record<string, unknown>;

interface Media {
  schema: Schema;
  example?: unknown;
}

interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  description?: string;
  example?: unknown;
  schema: { description?: string; examples?: unknown[] };
}

interface Described {
  operationId: string;
  tags: [string];
  summary: string;
  description?: string;
  security: object[];
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
}

/** A part of a multipart body: a text, or a file below `docs/`. */
export interface Part {
  name: string;
  text?: string;
  file?: string;
}

/** One request with all that its row and the OpenAPI document say of it. */
export interface Step {
  /** The operation's name, with a number from its second visit on. */
  id: string;
  operationId: string;
  title: string;
  description: string;
  method: string;
  /** Below the base URL, with `{name}` parameters. */
  path: string;
  pathValues: Record<string, string>;
  url?: string;
  query: { name: string; value: string; description: string; sent: boolean }[];
  headers: { name: string; value: string }[];
  /** The variable with the access token; absent for what anybody may call. */
  token?: string;
  json?: Record<string, unknown>;
  parts?: Part[];
  /** A file below `docs/` that is the whole body. */
  file?: string;
  status: number;
  statusText: string;
  /** Absent where the reply has no body. */
  mediaType?: string;
  /** What the reply looks like; absent for files. */
  schema?: Schema;
  /** Where the reply has its list, if it has one. */
  list?: "data" | "data.docs";
  example?: unknown;
  capture: Record<string, string>;
  begins: boolean;
}

export interface Folder {
  title: string;
  description: string;
  steps: Step[];
}

/** The whole tour. Throws when it leaves out an operation or uses a variable before it has a value. */
export function tour(): Folder[] {
  const operations = describedOperations();
  const visits = new Map<string, number>();
  const tags = new Map(openApiDocument().tags?.map((tag) => [tag.name, tag.description]));
  const folders = SCENARIO.map(({ title, about, rows }) => ({
    title,
    description: about ?? tags.get(title) ?? "",
    steps: rows.map((row) => {
      const operation = operations.get(row.operation);
      if (!operation) {
        throw new Error(`the scenario visits ${row.operation}, which is no operation`);
      }
      const visit = (visits.get(row.operation) ?? 0) + 1;
      visits.set(row.operation, visit);
      return step(row, operation, visit);
    }),
  }));
  const missed = [...operations.keys()].filter((name) => !visits.has(name));
  if (missed.length > 0) {
    throw new Error(`scripts/docs/scenario.ts has no row for ${missed.join(", ")}`);
  }
  refuseUnknownVariables(folders.flatMap(({ steps }) => steps));
  return folders;
}

type Located = Described & { method: string; path: string };

function describedOperations(): Map<string, Located> {
  const paths = openApiDocument().paths as unknown as Record<string, Record<string, Described>>;
  return new Map(
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => [
        operation.operationId,
        { ...operation, method: method.toUpperCase(), path },
      ]),
    ),
  );
}

function step(row: Row, operation: Located, visit: number): Step {
  const { operationId, method, path, summary, security, parameters = [] } = operation;
  const successes = Object.keys(operation.responses)
    .map(Number)
    .filter((status) => status < 300);
  // Toggles succeed with 201 and 200; what goes on is what a visit is for.
  const status = row.status ?? Math.max(...successes);
  const reply = operation.responses[status]!;
  const [mediaType, media] = Object.entries(reply.content ?? {})[0] ?? [];
  return {
    id: `${operationId}${visit === 1 ? "" : visit}`,
    operationId,
    title: `${summary}${operationId.endsWith("Alias") ? ` (${path})` : ""}${row.for ? `: ${row.for}` : ""}`,
    description: operation.description ?? summary,
    method,
    path,
    pathValues: Object.fromEntries(
      parameters
        .filter((parameter) => parameter.in === "path")
        .map(({ name }) => [name, row.path?.[name] ?? `{{${name}}}`]),
    ),
    ...(row.url === undefined ? {} : { url: row.url }),
    query: parameters.filter((parameter) => parameter.in === "query").map((it) => query(it, row)),
    headers: parameters
      .filter((parameter) => parameter.in === "header")
      .filter(({ name, required }) => required || row.headers?.includes(name))
      .map(({ name, example, schema }) => ({
        name,
        value: String(example ?? schema.examples?.[0]),
      })),
    ...(security.length === 0 ? {} : { token: row.as ?? "accessToken" }),
    ...body(row, operation),
    status,
    statusText: reply.description,
    ...(media ? { mediaType: mediaType!, example: media.example } : {}),
    ...(media && mediaType === "application/json" ? shape(media.schema) : {}),
    capture: row.capture ?? {},
    begins: row.begins ?? false,
  };
}

interface Reply extends Schema {
  properties?: { data?: { type?: string; properties?: Schema } };
}

function shape(described: Schema): Pick<Step, "schema" | "list"> {
  const schema = resolved(described) as Reply;
  const data = schema.properties?.data;
  if (data?.type === "array") {
    return { schema, list: "data" };
  }
  return data?.properties?.docs ? { schema, list: "data.docs" } : { schema };
}

function query({ name, schema, description = schema.description }: Parameter, row: Row) {
  const value = row.query?.[name];
  return {
    name,
    value: value ?? String(schema.examples?.[0]),
    description: description ?? "",
    sent: value !== undefined,
  };
}

/** The documented example with the row's fields in place: JSON where that is taken, else multipart, or a file. */
function body(row: Row, { requestBody }: Described): Pick<Step, "json" | "parts" | "file"> {
  if (!requestBody) {
    return {};
  }
  const bytes = requestBody.content["application/offset+octet-stream"];
  if (bytes) {
    return requestBody.required ? { file: `assets/${String(bytes.example)}` } : {};
  }
  const json = requestBody.content["application/json"];
  const media = json ?? requestBody.content["multipart/form-data"]!;
  const fields = Object.entries({ ...(media.example as object), ...row.body }).filter(
    ([, value]) => value !== null,
  );
  if (json) {
    return { json: Object.fromEntries(fields) };
  }
  const properties = media.schema.properties as Record<string, Schema>;
  return {
    parts: fields.map(([name, value]) =>
      properties[name]?.format === "binary"
        ? { name, file: `assets/${String(value)}` }
        : { name, text: Array.isArray(value) ? value.join(",") : String(value) },
    ),
  };
}

const PROSE = new Set(["description", "example", "examples"]);

/** A schema with its references replaced by what they mean, and without what is for readers only. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(resolved);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const { $ref, properties, ...rest } = value as Schema;
  if (typeof $ref === "string") {
    return resolved(openApiDocument().components!.schemas![$ref.replace(/^.*\//, "")]);
  }
  return {
    ...Object.fromEntries(
      Object.entries(rest)
        .filter(([key]) => !PROSE.has(key))
        .map(([key, part]) => [key, resolved(part)]),
    ),
    // Fields may be called like keywords.
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties as Schema).map(([name, field]) => [name, resolved(field)]),
          ),
        }),
  };
}

function refuseUnknownVariables(steps: Step[]): void {
  const known = new Set(Object.keys(VARIABLES));
  for (const { id, pathValues, url, token, json, parts, capture } of steps) {
    const used = JSON.stringify([url ?? pathValues, json, parts, token && `{{${token}}}`]);
    for (const [, name = ""] of used.matchAll(/{{(\w+)}}/g)) {
      if (!known.has(name)) {
        throw new Error(`${id} uses {{${name}}}, which nothing before it captures`);
      }
    }
    Object.keys(capture).forEach((name) => known.add(name));
  }
}
