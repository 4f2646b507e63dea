import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const secretsSchema = z.object({
  ACCESS_TOKEN_SECRET: z.string(),
  REFRESH_TOKEN_SECRET: z.string(),
});

type Secrets = z.infer<typeof secretsSchema>;

/**
 * The token secrets of a development machine: made once and kept in the data folder, readable by
 * its owner only, so that signed-in clients stay signed in over restarts.
 */
export function developmentSecrets(dataDir: string): Secrets {
  const file = join(dataDir, "secrets.json");
  return readSecrets(file) ?? createSecrets(dataDir, file);
}

function readSecrets(file: string): Secrets | null {
  try {
    return secretsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return null;
  }
}

function createSecrets(dataDir: string, file: string): Secrets {
  const secrets = {
    ACCESS_TOKEN_SECRET: randomBytes(48).toString("hex"),
    REFRESH_TOKEN_SECRET: randomBytes(48).toString("hex"),
  };
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}
