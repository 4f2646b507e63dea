import type { EmbeddedDatabase } from "../../src/embedded-db";

/** What global-setup leaves for global-teardown; both run in jest's own process. */
export const state: { database?: EmbeddedDatabase; folder?: string } = {};
