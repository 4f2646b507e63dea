import { VARIABLES } from "./scenario";
import type { Folder, Step } from "./steps";

const SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

const ABOUT = `A tour through every endpoint, from top to bottom. Run the collection as a whole: each request keeps
the ids and tokens that those after it need. Files are uploaded from \`docs/\`: make that the working
directory (Settings > General > Location), or say \`newman run … --working-dir docs\`.

Written by \`npm run postman\`; do not edit.`;

/** The tour as a Postman collection, format v2.1. */
export function collection(folders: Folder[]) {
  return {
    info: { name: "Mega Backend", description: ABOUT, schema: SCHEMA },
    // The tokens are sent as Bearer; cookies of an earlier sign-in must not speak for somebody else.
    protocolProfileBehavior: { disableCookies: true },
    auth: bearer("accessToken"),
    variable: Object.entries(VARIABLES).map(([key, value]) => ({ key, value })),
    item: folders.map(({ title, description, steps }) => ({
      name: title,
      description,
      item: steps.map(item),
    })),
  };
}

/** Where the collection is run. */
export function environment(baseUrl: string) {
  return {
    id: "mega-backend-local",
    name: "Mega Backend, local",
    values: [{ key: "baseUrl", value: baseUrl, type: "default", enabled: true }],
    _postman_variable_scope: "environment",
  };
}

function bearer(variable: string) {
  return {
    type: "bearer",
    bearer: [{ key: "token", value: `{{${variable}}}`, type: "string" }],
  };
}

function item(step: Step) {
  const request = {
    method: step.method,
    description: step.description,
    ...authOf(step),
    header: headersOf(step),
    ...bodyOf(step),
    url: urlOf(step),
  };
  return {
    id: step.id,
    name: step.title,
    // An item does not inherit the behaviour of its collection everywhere.
    protocolProfileBehavior: { disableCookies: true },
    event: [
      ...(step.begins ? [script("prerequest", NEW_NAMES)] : []),
      script("test", testsOf(step)),
    ],
    request,
    response: step.example === undefined ? [] : [savedReply(step, request)],
  };
}

function authOf({ token }: Step) {
  if (token === undefined) {
    return { auth: { type: "noauth" } };
  }
  return token === "accessToken" ? {} : { auth: bearer(token) };
}

function headersOf({ headers, file }: Step) {
  const type = { name: "Content-Type", value: "application/offset+octet-stream" };
  return [...headers, ...(file === undefined ? [] : [type])].map(({ name, value }) => ({
    key: name,
    value,
  }));
}

function bodyOf({ json, parts, file }: Step) {
  if (file !== undefined) {
    return { body: { mode: "file", file: { src: file } } };
  }
  if (json) {
    const raw = JSON.stringify(json, null, 2);
    return { body: { mode: "raw", raw, options: { raw: { language: "json" } } } };
  }
  if (parts) {
    const formdata = parts.map(({ name, text, file }) =>
      file === undefined
        ? { key: name, type: "text", value: text }
        : { key: name, type: "file", src: file },
    );
    return { body: { mode: "formdata", formdata } };
  }
  return {};
}

function urlOf({ url, path, pathValues, query }: Step) {
  if (url !== undefined) {
    return { raw: url, host: [url] };
  }
  const address = path.replace(/{(\w+)}/g, ":$1");
  const sent = query.filter((one) => one.sent).map(({ name, value }) => `${name}=${value}`);
  return {
    raw: `{{baseUrl}}${address}${sent.length > 0 ? `?${sent.join("&")}` : ""}`,
    host: ["{{baseUrl}}"],
    path: address.slice(1).split("/"),
    query: query.map(({ name, value, description, sent: enabled }) => ({
      key: name,
      value,
      description,
      disabled: !enabled,
    })),
    variable: Object.entries(pathValues).map(([key, value]) => ({ key, value })),
  };
}

const NEW_NAMES = [
  "// New names, so that the collection can be run again on the same server.",
  'pm.collectionVariables.set("run", Date.now().toString(36));',
];

function testsOf({ status, schema, list, mediaType, capture }: Step): string[] {
  return [
    `pm.test("status is ${status}", () => pm.response.to.have.status(${status}));`,
    mediaType === undefined
      ? 'pm.test("the reply has no body", () => pm.expect(pm.response.text() ?? "").to.equal(""));'
      : schema
        ? `pm.test("the reply has its documented shape", () => pm.response.to.have.jsonSchema(${JSON.stringify(schema)}));`
        : `pm.test("the reply is ${mediaType}", () => pm.expect(pm.response.headers.get("Content-Type")).to.include("${mediaType.replace("*", "")}"));`,
    // An empty list has any shape; the tour leaves something in each.
    ...(list === undefined
      ? []
      : [
          `pm.test("the list is not empty", () => pm.expect(pm.response.json().${list}).to.not.be.empty);`,
        ]),
    ...Object.entries(capture).map(
      ([name, place]) => `pm.collectionVariables.set("${name}", pm.response.json().${place});`,
    ),
  ];
}

function script(listen: "prerequest" | "test", exec: string[]) {
  return { listen, script: { type: "text/javascript", exec } };
}

function savedReply({ status, statusText, example }: Step, originalRequest: object) {
  return {
    name: statusText,
    originalRequest,
    code: status,
    _postman_previewlanguage: "json",
    header: [{ key: "Content-Type", value: "application/json" }],
    body: JSON.stringify(example, null, 2),
  };
}
