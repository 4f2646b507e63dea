import { apiRouter } from "../../src/routes";
import { operations } from "../../src/validations";
import { aliases } from "../../src/validations/aliases";
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
