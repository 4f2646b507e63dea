/** Packages that ship ES modules only; jest cannot `require` them on Node 20, so they are transformed. */
const esmOnly = [
  "file-type",
  "strtok3",
  "token-types",
  "uint8array-extras",
  "@tokenizer/inflate",
  "@borewit/text-codec",
  "p-limit",
  "yocto-queue",
  "@tus/server",
  "@tus/file-store",
  "@tus/utils",
];

/** @type {import("jest").Config} */
module.exports = {
  testEnvironment: "node",
  roots: ["<rootDir>/tests"],
  testMatch: ["**/*.test.ts"],
  globalSetup: "<rootDir>/tests/support/global-setup.ts",
  globalTeardown: "<rootDir>/tests/support/global-teardown.ts",
  setupFiles: ["<rootDir>/tests/support/environment.ts"],
  transform: {
    "\\.ts$": ["ts-jest", { diagnostics: false }],
    "\\.js$": ["ts-jest", { diagnostics: false, tsconfig: { allowJs: true, module: "commonjs" } }],
  },
  // It is an .mjs, which jest never transforms; of @tus/server only what speaks to a bare Node server
  // needs it, which we do not use.
  moduleNameMapper: { "^srvx/node$": "<rootDir>/tests/support/no-module.ts" },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join("|")})/)`],
  // By itself jest leaves a processor free, which on two of them means one file after the other.
  maxWorkers: "100%",
  // Catches what hangs; a busy machine is slow.
  testTimeout: 120_000,
};
