import { VARIABLES } from "./scenario";
import type { Folder, Part, Step } from "./steps";

/** How an editor keeps a value of a reply: by a reference to it, or by a script after the request. */
export type Dialect = "rest-client" | "jetbrains";

/** The one type of a body that is a file. */
const PIECE = "application/offset+octet-stream";

const BOUNDARY = "mega-backend";

const READERS: Record<Dialect, string> = {
  "rest-client": "the REST Client extension of VS Code",
  jetbrains: "the HTTP Client of the JetBrains editors",
};

/** The tour as a file of requests for editors. */
export function httpFile(folders: Folder[], baseUrl: string, dialect: Dialect): string {
  const steps = folders.flatMap((folder) => folder.steps);
  return [
    `# Every endpoint of Mega Backend, for ${READERS[dialect]}. Send from top to bottom.`,
    "# Written by `npm run postman`; do not edit.",
    "",
    `@baseUrl = ${baseUrl}`,
    ...Object.entries(VARIABLES).map(([name, value]) => `@${name} = ${value}`),
    ...(dialect === "rest-client" ? ["", "# From the replies", ...references(steps)] : []),
    ...folders.flatMap(({ title, steps: own }) => own.flatMap((it) => block(it, title, dialect))),
    "",
  ].join("\n");
}

/** Captures as REST Client has them; it looks the reply up when the variable is used. */
function references(steps: Step[]): string[] {
  const lines = new Map<string, string>();
  for (const { id, capture } of steps) {
    for (const [name, place] of Object.entries(capture)) {
      // A name has one meaning there: the first, as a refreshed token is not needed in between.
      if (!lines.has(name)) {
        lines.set(name, `@${name} = {{${id}.response.body.$.${place}}}`);
      }
    }
  }
  return [...lines.values()];
}

function block(step: Step, folder: string, dialect: Dialect): string[] {
  const { id, title, method, headers, token, json, parts, file, capture } = step;
  const captures = Object.entries(capture).map(
    ([name, place]) => `  client.global.set("${name}", response.body.${place});`,
  );
  return [
    "",
    `### ${folder}: ${title}`,
    `# @name ${id}`,
    "# @no-cookie-jar",
    `${method} ${address(step)}`,
    ...(token === undefined ? [] : [`Authorization: Bearer {{${token}}}`]),
    ...headers.map(({ name, value }) => `${name}: ${value}`),
    ...(file ? [`Content-Type: ${PIECE}`, "", `< ./${file}`] : []),
    ...(json ? ["Content-Type: application/json", "", JSON.stringify(json, null, 2)] : []),
    ...(parts ? multipart(parts) : []),
    ...(dialect === "jetbrains" && captures.length > 0 ? ["", "> {%", ...captures, "%}"] : []),
  ];
}

function address({ url, path, pathValues, query }: Step): string {
  const sent = query.filter((one) => one.sent).map(({ name, value }) => `${name}=${value}`);
  const filled = path.replace(/{(\w+)}/g, (_, name: string) => pathValues[name]!);
  return url ?? `{{baseUrl}}${filled}${sent.length > 0 ? `?${sent.join("&")}` : ""}`;
}

function multipart(parts: Part[]): string[] {
  return [
    `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
    "",
    ...parts.flatMap(({ name, text, file }) => [
      `--${BOUNDARY}`,
      `Content-Disposition: form-data; name="${name}"${file === undefined ? "" : `; filename="${file.replace(/^.*\//, "")}"`}`,
      ...(file === undefined
        ? ["", text ?? ""]
        : ["Content-Type: application/octet-stream", "", `< ./${file}`]),
    ]),
    `--${BOUNDARY}--`,
  ];
}
