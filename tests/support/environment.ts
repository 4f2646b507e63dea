import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const dataDir = mkdtempSync(join(tmpdir(), "data-"));

/** Runs before each test file loads anything: a configuration, a database and a folder of its own. */
Object.assign(process.env, {
  NODE_ENV: "test",
  MONGODB_URI: process.env.TEST_DATABASE,
  DB_NAME: `test-${dataDir.slice(-6)}`,
  DATA_DIR: dataDir,
  LOG_LEVEL: "silent",
  // Weak on purpose: hashing is most of what signing in costs.
  BCRYPT_ROUNDS: "4",
  RATE_LIMIT_READS: "1000000",
  RATE_LIMIT_WRITES: "1000000",
  MAX_CONCURRENT_UPLOADS: "1000",
  CORS_ORIGIN: "http://localhost:5173,https://app.example.com",
});

if (process.env.TEST_MONGODB_URI) {
  // Other engines deadlock now and then where MongoDB waits or reports a write conflict, which the
  // driver repeats. Only what fails every time is a failure.
  jest.retryTimes(2, { logErrorsBeforeRetry: true });
}
