import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import { factory } from "typescript";
import { openApiDocument } from "../../src/validations/openapi";
import { httpFile } from "./http-file";
import { collection, environment } from "./postman";
import { tour } from "./steps";

const BASE_URL = "http://localhost:8000/api/v1";
const NOTICE = "// Written by `npm run postman` from the OpenAPI document; do not edit.\n\n";

/** Writes everything under `docs/` that comes from the OpenAPI document, or into the folder given. */
async function main(folder = resolve(__dirname, "..", "..", "docs")): Promise<void> {
  const folders = tour();
  const files = {
    "openapi.json": json(openApiDocument()),
    "mega-backend.postman_collection.json": json(collection(folders)),
    "mega-backend.postman_environment.json": json(environment(BASE_URL)),
    "mega-backend.http": httpFile(folders, BASE_URL, "rest-client"),
    "mega-backend.jetbrains.http": httpFile(folders, BASE_URL, "jetbrains"),
    "client/schema.d.ts": NOTICE + (await types()),
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

async function types(): Promise<string> {
  const document = structuredClone(openApiDocument()) as unknown as OpenAPI3;
  const nodes = await openapiTS(document, {
    transform: (schema) =>
      schema.format === "binary" ? factory.createTypeReferenceNode("Blob") : undefined,
  });
  return astToString(nodes);
}

void main(process.argv[2]);
