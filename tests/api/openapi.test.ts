import { apiRouter } from "../../src/routes";
import { operations } from "../../src/validations";
import { aliased, aliases } from "../../src/validations/aliases";
import { failureSchema } from "../../src/validations/common.validation";
import { openApiDocument, successSchema } from "../../src/validations/openapi";
import type { Operation } from "../../src/validations/operation";
import { api, origin, useApi } from "../support/api";

useApi();

interface Layer {
  route?: { path: string; methods?: Record<string, boolean>; stack: { method: string }[] };
  handle: { stack?: Layer[] };
  slash?: boolean;
}

/** `METHOD path` of every route that Express has, by asking each router under its mount. */
function mountedRoutes(): string[] {
  const mounts = [
    "",
    "/users",
    "/videos",
    "/uploads",
    "/comments",
    "/likes",
    "/tweets",
    "/playlist",
    "/subscriptions",
    "/dashboard",
    "/media",
    "/healthcheck",
    "",
  ];
  const routers = (apiRouter as unknown as { stack: Layer[] }).stack;
  expect(routers).toHaveLength(mounts.length);
  return routers.flatMap((layer, i) => routesOf(layer, mounts[i]!));
}

function routesOf(layer: Layer, mount: string): string[] {
  return (layer.handle.stack ?? []).flatMap(({ route }) =>
    route
      ? [...new Set(route.stack.map(({ method }) => method))].map(
          (method) => `${method.toUpperCase()} ${mount}${route.path === "/" ? "" : route.path}`,
        )
      : [],
  );
}

interface Media {
  example?: unknown;
  examples?: Record<string, { $ref: string }>;
}

interface Described {
  operationId: string;
  parameters?: { in: string; name: string; example?: unknown; schema: { examples?: unknown[] } }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { content?: Record<string, Media> }>;
}

/** Every operation as the document describes it, with the one it is made from. */
function described(): [name: string, Described, Operation][] {
  const paths = Object.values(openApiDocument().paths as object) as Record<string, Described>[];
  const byAlias = new Map(
    aliases.map((alias) => aliased(alias)).map(([name, operation]) => [`${name}Alias`, operation]),
  );
  return paths
    .flatMap((item) => Object.values(item))
    .map((one) => [
      one.operationId,
      one,
      operations.get(one.operationId) ?? byAlias.get(one.operationId)!,
    ]);
}

/** The examples of an operation's parameters as a client would send them. */
function sent({ parameters = [] }: Described, where: string): Record<string, string> {
  return Object.fromEntries(
    parameters
      .filter((parameter) => parameter.in === where)
      .map(({ name, example, schema }) => [name, String(example ?? schema.examples?.[0])]),
  );
}

describe("the examples of the OpenAPI document", () => {
  it.each(described())(
    "%s has parameters and a body that its schemas accept",
    (_name, description, operation) => {
      const parameters = { ...sent(description, "path"), ...sent(description, "query") };
      expect(Object.values(parameters)).not.toContain("undefined");
      operation.params?.parse(parameters);
      operation.query?.parse(parameters);
      operation.headers?.parse(sent(description, "header"));
      for (const { example } of Object.values(description.requestBody?.content ?? {})) {
        expect(example).not.toEqual({});
        if (operation.consumes === undefined) {
          operation.body?.parse(example);
        }
        const files = Object.entries(operation.files ?? {}).filter(([, file]) => file.required);
        expect(Object.keys(example as object)).toEqual(
          expect.arrayContaining(files.map(([field]) => field)),
        );
      }
      expect(description.requestBody !== undefined).toBe(
        Boolean(operation.body ?? operation.files ?? operation.consumes),
      );
    },
  );

  it.each(described())(
    "%s has successes that its schemas promise",
    (_name, description, operation) => {
      const successes = Object.entries(description.responses).filter(
        ([status]) => Number(status) < 300,
      );
      expect(successes.length).toBeGreaterThan(0);
      for (const [status, { content }] of successes) {
        const example = content?.["application/json"]?.example;
        if (operation.empty) {
          expect(content).toBeUndefined();
        } else if (operation.produces === "application/json") {
          operation.data.parse(example);
        } else if (operation.produces === undefined) {
          successSchema(operation, Number(status)).parse(example);
        }
      }
    },
  );

  it("show every refusal under its code", () => {
    const examples = openApiDocument().components!.examples as Record<string, { value: unknown }>;
    for (const [, { responses }] of described()) {
      for (const [status, { content }] of Object.entries(responses)) {
        for (const [code, { $ref }] of Object.entries(
          content?.["application/json"]?.examples ?? {},
        )) {
          expect($ref).toBe(`#/components/examples/${code}`);
          const failure = failureSchema.parse(examples[code]!.value);
          expect(failure).toMatchObject({ code, statusCode: Number(status) });
        }
      }
    }
  });
});

describe("the OpenAPI document", () => {
  it("has an operation for every route, and a route for every operation", () => {
    const declared = [...operations.values(), ...aliases].map(
      ({ method, path }) => `${method.toUpperCase()} ${path}`,
    );
    expect(mountedRoutes().sort()).toEqual(declared.sort());
  });

  it("is served as OpenAPI 3.1 with every operation by its name", async () => {
    const { body } = await api("get", "/openapi.json").expect(200);
    expect(body.openapi).toBe("3.1.0");
    const ids = Object.values<Record<string, { operationId: string }>>(body.paths).flatMap((item) =>
      Object.values(item).map(({ operationId }) => operationId),
    );
    const aliased = ids.filter((id) => id.endsWith("Alias"));
    expect(aliased).toHaveLength(aliases.length);
    expect(ids.filter((id) => !aliased.includes(id)).sort()).toEqual([...operations.keys()].sort());
  });

  it("describes fields as they are checked", async () => {
    const { body } = await api("get", "/openapi.json");
    const register = body.paths["/users/register"].post.requestBody.content["multipart/form-data"];
    expect(register.schema.required.sort()).toEqual(
      ["avatar", "email", "fullName", "password", "username"].sort(),
    );
    const list = body.paths["/videos"].get.parameters.map((p: { name: string }) => p.name);
    expect(list.sort()).toEqual(
      ["cursor", "limit", "page", "query", "sortBy", "sortType", "tag", "userId"].sort(),
    );
  });

  it("can be browsed, with every asset served from here", async () => {
    const page = await api("get", "/docs").expect(200);
    expect(page.type).toBe("text/html");
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    expect(assets.length).toBeGreaterThan(2);
    for (const asset of assets) {
      expect(asset).toMatch(/^\//);
      expect((await fetch(`${origin()}${asset}`)).status).toBe(200);
    }
  });
});
