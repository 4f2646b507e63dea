import { state } from "./global-state";

/** One database server for the whole run: the one that TEST_MONGODB_URI names, else an embedded one in memory. */
// eslint-disable-next-line no-restricted-exports -- jest asks for a default export
export default async function globalSetup(): Promise<void> {
  if (process.env.TEST_MONGODB_URI === undefined) {
    const { startEmbeddedDatabase } = await import("../../src/embedded-db");
    state.database = await startEmbeddedDatabase({});
    process.env.TEST_DATABASE = state.database.uri;
  } else {
    process.env.TEST_DATABASE = process.env.TEST_MONGODB_URI;
  }
}
