/** Which way imports go; CONTRIBUTING.md has the map. Each rule says why. */

/** A room may import only from the rooms named. */
function room(name, allowed, why) {
  return {
    name: `${name}-imports-downwards`,
    comment: why,
    severity: "error",
    from: { path: `^src/${name}/` },
    to: { path: "^src/", pathNot: [name, ...allowed].map((path) => `^src/${path}(/|\\.ts$)`) },
  };
}

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Two modules that need each other are one module, or hide a third.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "embedded-db-is-a-room-of-its-own",
      comment: "It is a database server; it must not know whose data it keeps.",
      severity: "error",
      from: { path: "^src/embedded-db/" },
      to: { path: "^src/", pathNot: "^src/embedded-db/" },
    },
    {
      name: "embedded-db-has-one-door",
      comment: "Everything else speaks the wire protocol to it.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/embedded-db/" },
      to: { path: "^src/embedded-db/", pathNot: "^src/embedded-db/index\\.ts$" },
    },
    {
      name: "only-db-opens-the-embedded-db",
      comment: "The rest of the product must not know which database it runs on.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(db|embedded-db)/" },
      to: { path: "^src/embedded-db/" },
    },
    room(
      "utils",
      ["constants", "types"],
      "Helpers that know nothing of the product can be read alone.",
    ),
    room("config", ["utils", "constants"], "Configuration is read before anything else exists."),
    room(
      "models",
      ["config", "utils", "constants", "types"],
      "Data knows nothing of HTTP or the outside world.",
    ),
    room(
      "services",
      ["config", "utils", "constants", "types"],
      "The outside world, free of HTTP and of the data model.",
    ),
    room(
      "jobs",
      ["services", "models", "config", "utils", "constants", "types"],
      "Background work runs without a request.",
    ),
    room(
      "presenters",
      ["models", "services", "config", "utils", "constants", "types"],
      "Documents in, contract shapes out.",
    ),
    room(
      "validations",
      ["utils", "constants", "types"],
      "Schemas describe the contract and nothing behind it.",
    ),
    room(
      "middlewares",
      ["validations", "models", "services", "config", "utils", "constants", "types"],
      "Guards decide before a controller runs; they never call one.",
    ),
    room(
      "controllers",
      [
        "middlewares",
        "presenters",
        "validations",
        "jobs",
        "models",
        "services",
        "config",
        "utils",
        "constants",
        "types",
      ],
      "A controller is the use case; nothing below may call it.",
    ),
    room(
      "routes",
      ["controllers", "middlewares", "validations"],
      "The table of contents: sentences, no logic.",
    ),
    room(
      "seed",
      ["jobs", "models", "services", "config", "utils", "constants"],
      "Made-up people use what requests use; nothing real may know of them.",
    ),
    room("db", ["embedded-db", "config"], "Connecting is all it does."),
    room(
      "commands",
      ["db", "jobs", "seed", "config", "utils", "constants"],
      "A command reads its arguments and prints; the work is a job.",
    ),
    {
      name: "commands-are-programs",
      comment: "They connect and end the process, so nothing may import them.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/commands/" },
      to: { path: "^src/commands/" },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
  },
};
