/** As much of JSON Schema as the operations' schemas come to. */
interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  items?: Schema;
  default?: unknown;
  example?: unknown;
  examples?: unknown[];
}

interface Content {
  [mediaType: string]: { schema?: Schema; example?: unknown; examples?: unknown };
}

interface DescribedOperation {
  parameters?: { required?: boolean; schema: Schema; example?: unknown }[];
  requestBody?: { content: Content };
  responses: Record<string, { content?: Content }>;
}

interface Described {
  paths?: object;
  components?: { schemas?: object };
}

/**
 * Gives every parameter, request and success of the document an example, put together from the
 * examples of the schemas' fields, so that a field says once what it looks like.
 */
export function addExamples({ paths = {}, components }: Described): void {
  const schemas = (components?.schemas ?? {}) as Record<string, Schema>;
  const operations = Object.values(paths as Record<string, Record<string, DescribedOperation>>);
  for (const operation of operations.flatMap((item) => Object.values(item))) {
    operation.parameters?.forEach((parameter) => exemplifyParameter(parameter, schemas));
    exemplify(operation.requestBody?.content, schemas);
    for (const [status, { content }] of Object.entries(operation.responses)) {
      const isOff = status === "200" && "201" in operation.responses;
      exemplify(content, schemas, !isOff);
    }
  }
}

/** An optional parameter's example goes into its schema: the docs page would fill it in and send it. */
function exemplifyParameter(
  parameter: NonNullable<DescribedOperation["parameters"]>[number],
  schemas: Record<string, Schema>,
): void {
  const example = exampleOf(parameter.schema, schemas);
  delete parameter.schema.example;
  if (parameter.required) {
    parameter.example = example;
  } else {
    parameter.schema.examples = [example];
  }
}

function exemplify(
  content: Content | undefined,
  schemas: Record<string, Schema>,
  flag?: boolean,
): void {
  for (const media of Object.values(content ?? {})) {
    const example = media.schema && exampleOf(media.schema, schemas, flag);
    if (media.examples === undefined && example !== undefined) {
      media.example = example;
    }
  }
}

/** `flag`: what a boolean is that has no example of its own. Undefined where there is nothing to show. */
function exampleOf(schema: Schema, schemas: Record<string, Schema>, flag = true): unknown {
  const part = (inner: Schema) => exampleOf(inner, schemas, flag);
  if (schema.$ref !== undefined) {
    return part(schemas[schema.$ref.replace(/^.*\//, "")]!);
  }
  const own = [schema.example, schema.default, schema.enum?.[0]].find((it) => it !== undefined);
  if (own !== undefined) {
    return own;
  }
  if (schema.anyOf) {
    return part(schema.anyOf[0]!);
  }
  if (schema.items) {
    return [part(schema.items)];
  }
  if (schema.type === "object") {
    const fields = Object.entries(schema.properties ?? {});
    const examples = fields.map(([name, field]) => [name, part(field)] as const);
    return Object.fromEntries(examples.filter(([, example]) => example !== undefined));
  }
  return schema.type === "boolean" ? flag : undefined;
}
