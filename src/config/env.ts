import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import bytes from "bytes";
import dotenv from "dotenv";
import express from "express";
import ms from "ms";
import { z } from "zod";
import { developmentSecrets } from "./development-secrets";
import { storageProblems, storageVariables, toStorageConfig } from "./storage";
import { flag, httpUrl } from "./values";

/** Values that tutorials and our own sample show; whoever deploys with one of them has no secret. */
const SAMPLE_SECRET = /change|secret|sample|example|placeholder|your[-_ ]|password/i;
const SECRET_MIN_BYTES = 32;

const port = z.coerce
  .number("is not a number")
  .int("is not a whole number")
  .min(0, "is not a port (0-65535)")
  .max(65535, "is not a port (0-65535)");

const count = z.coerce
  .number("is not a number")
  .int("is not a whole number")
  .positive("must be above 0");

/** `15m`, `10d`: with a unit, because a bare number would mean milliseconds to one library and seconds to another. */
const duration = z
  .string()
  .regex(/^\d+\s*(s|m|h|d|w)$/, "is not a duration with a unit, such as 15m, 12h or 10d")
  .transform((value) => ms(value as ms.StringValue))
  .refine((value) => value >= 1000, "must be at least 1s");

const byteSize = z
  .string()
  .transform((value) => bytes.parse(value))
  .refine(
    (value): value is number => value !== null && value > 0,
    "is not a size, such as 100mb or 2gb",
  );

const origin = httpUrl.refine(
  (value) => URL.canParse(value) && new URL(value).origin === value,
  "is not an origin: scheme, host and port only, such as http://localhost:5173",
);

const originList = z
  .string()
  .transform((value) =>
    value
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .refine(
    (list) => !list.includes("*"),
    "must name its origins: browsers refuse * together with cookies",
  )
  .pipe(z.array(origin));

const secret = z
  .string("is required in production")
  .refine(
    (value) => Buffer.byteLength(value) >= SECRET_MIN_BYTES,
    `is shorter than ${SECRET_MIN_BYTES} bytes`,
  )
  .refine(
    (value) => !SAMPLE_SECRET.test(value),
    "is a sample value: make a random one, e.g. with openssl rand -hex 32",
  );

/** `false`, `true`, a number of hops or a list of addresses, as Express takes it. */
const trustProxy = z
  .string()
  .transform((value): boolean | number | string => {
    if (value === "true" || value === "false") {
      return value === "true";
    }
    return /^\d+$/.test(value) ? Number(value) : value;
  })
  .refine(isTakenByExpress, "is not false, true, a number of hops or a list of addresses");

function isTakenByExpress(trustProxy: boolean | number | string): boolean {
  try {
    express().set("trust proxy", trustProxy);
    return true;
  } catch {
    return false;
  }
}

const DEV_ORIGINS = [1234, 3000, 3001, 4173, 4200, 5173, 5174, 5175, 8080]
  .flatMap((p) => [`http://localhost:${p}`, `http://127.0.0.1:${p}`])
  .join(",");

function schemaFor(production: boolean) {
  return z.object({
    NODE_ENV: z.enum(["development", "test", "production"]).default("development"),
    HOST: z.string().default(production ? "0.0.0.0" : "127.0.0.1"),
    PORT: port.default(8000),
    PUBLIC_URL: httpUrl.optional(),
    TRUST_PROXY: trustProxy.default(false),
    CORS_ORIGIN: originList.prefault(production ? "" : DEV_ORIGINS),
    DATA_DIR: z.string().default(".data"),
    LOG_LEVEL: z
      .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
      .default("info"),

    MONGODB_URI: z
      .string()
      .regex(/^mongodb(\+srv)?:\/\//, "does not begin with mongodb:// or mongodb+srv://")
      .optional(),
    DB_NAME: z
      .string()
      .regex(/^[\w-]{1,63}$/, "is not a database name")
      .default("videotube"),

    ACCESS_TOKEN_SECRET: secret,
    ACCESS_TOKEN_EXPIRY: duration.prefault("15m"),
    REFRESH_TOKEN_SECRET: secret,
    REFRESH_TOKEN_EXPIRY: duration.prefault("10d"),
    TOKENS_IN_BODY: flag.prefault("true"),
    COOKIE_SECURE: flag.prefault(production ? "true" : "false"),
    COOKIE_SAMESITE: z.enum(["lax", "strict", "none"]).default("lax"),
    BCRYPT_ROUNDS: z.coerce
      .number("is not a number")
      .int()
      .min(production ? 10 : 4, production ? "is below 10, too weak for production" : "is below 4")
      .max(15, "is above 15, too slow to sign in")
      .default(10),

    LOGIN_ATTEMPTS: count.default(10),
    RATE_LIMIT_READS: count.default(3000),
    RATE_LIMIT_WRITES: count.default(600),

    MAX_VIDEO_SIZE: byteSize.prefault("100mb"),
    MAX_IMAGE_SIZE: byteSize.prefault("5mb"),

    UPLOAD_EXPIRY: duration.prefault("24h"),
    MAX_CONCURRENT_UPLOADS: count.default(10),
    QUOTA_VIDEOS_PER_USER: count.default(10_000),
    QUOTA_BYTES_PER_USER: byteSize.prefault("100gb"),
    MIN_FREE_SPACE: byteSize.prefault("512mb"),

    PROCESSING_CONCURRENCY: z.coerce
      .number("is not a number")
      .int("is not a whole number")
      .min(0, "is below 0")
      .max(64, "is above 64")
      .default(Math.max(1, Math.floor(availableParallelism() / 2))),
    MEDIA_URL_EXPIRY: duration.prefault("6h"),

    ...storageVariables,

    PATH: z.string().optional(),
    FFMPEG_PATH: z.string().optional(),
    FFPROBE_PATH: z.string().optional(),
  });
}

type Env = z.output<ReturnType<typeof schemaFor>>;

type Source = Record<string, string | undefined>;

/** What is wrong between variables; looked at even when single ones are wrong, so that all is reported at once. */
function crossProblems(source: Source, production: boolean): string[] {
  const problems: string[] = [];
  if (source.ACCESS_TOKEN_SECRET && source.ACCESS_TOKEN_SECRET === source.REFRESH_TOKEN_SECRET) {
    problems.push("REFRESH_TOKEN_SECRET must differ from ACCESS_TOKEN_SECRET");
  }
  const secure = source.COOKIE_SECURE ?? String(production);
  if (source.COOKIE_SAMESITE === "none" && secure !== "true") {
    problems.push("COOKIE_SAMESITE none needs COOKIE_SECURE=true (RFC 6265bis)");
  }
  return [...problems, ...storageProblems(source)];
}

/** The settings of one process, grouped by what they are for. Durations are milliseconds, sizes bytes. */
function toConfig(env: Env) {
  const dataDir = resolve(env.DATA_DIR);
  return {
    nodeEnv: env.NODE_ENV,
    isProduction: env.NODE_ENV === "production",
    logLevel: env.LOG_LEVEL,
    dataDir,
    /** What is being received, and what is being worked on; nothing in them is served. */
    uploadFolder: join(dataDir, "uploads"),
    workFolder: join(dataDir, "work"),
    http: {
      host: env.HOST,
      port: env.PORT,
      publicUrl: env.PUBLIC_URL ?? null,
      trustProxy: env.TRUST_PROXY,
      corsOrigins: env.CORS_ORIGIN,
    },
    database: { uri: env.MONGODB_URI ?? null, name: env.DB_NAME },
    auth: {
      accessTokenSecret: env.ACCESS_TOKEN_SECRET,
      accessTokenTtl: env.ACCESS_TOKEN_EXPIRY,
      refreshTokenSecret: env.REFRESH_TOKEN_SECRET,
      refreshTokenTtl: env.REFRESH_TOKEN_EXPIRY,
      tokensInBody: env.TOKENS_IN_BODY,
      cookieSecure: env.COOKIE_SECURE,
      cookieSameSite: env.COOKIE_SAMESITE,
      bcryptRounds: env.BCRYPT_ROUNDS,
    },
    limits: {
      loginAttempts: env.LOGIN_ATTEMPTS,
      readsPerMinute: env.RATE_LIMIT_READS,
      writesPerMinute: env.RATE_LIMIT_WRITES,
      videoBytes: env.MAX_VIDEO_SIZE,
      imageBytes: env.MAX_IMAGE_SIZE,
      uploadExpiry: env.UPLOAD_EXPIRY,
      concurrentUploads: env.MAX_CONCURRENT_UPLOADS,
      videosPerUser: env.QUOTA_VIDEOS_PER_USER,
      bytesPerUser: env.QUOTA_BYTES_PER_USER,
      freeBytes: env.MIN_FREE_SPACE,
    },
    jobs: { concurrency: env.PROCESSING_CONCURRENCY },
    media: {
      urlTtl: env.MEDIA_URL_EXPIRY,
      storage: toStorageConfig(env),
      ffmpeg: {
        ...(env.FFMPEG_PATH === undefined ? {} : { ffmpegPath: env.FFMPEG_PATH }),
        ...(env.FFPROBE_PATH === undefined ? {} : { ffprobePath: env.FFPROBE_PATH }),
        ...(env.PATH === undefined ? {} : { searchPath: env.PATH }),
      },
    },
  };
}

export type Config = Readonly<ReturnType<typeof toConfig>>;

/** All that is wrong with the environment, one line each: `NAME message`. */
class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(readonly problems: string[]) {
    super(`The configuration is not valid:\n${problems.map((line) => `  - ${line}`).join("\n")}`);
  }
}

/**
 * Parses an environment. Empty values count as absent, as they stand in a copied `.env.sample`.
 * @throws ConfigError naming every variable that is wrong
 */
export function parseEnv(environment: Source): Config {
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value?.trim()),
  );
  const production = present.NODE_ENV === "production";
  const secrets = production ? {} : secretsIn(present.DATA_DIR ?? ".data");
  const source: Source = { ...secrets, ...present };
  const result = schemaFor(production).safeParse(source);
  const problems = [
    ...(result.error?.issues ?? []).map((issue) => `${issue.path.join(".")} ${issue.message}`),
    ...crossProblems(source, production),
  ];
  if (!result.success || problems.length > 0) {
    throw new ConfigError(problems);
  }
  return toConfig(result.data);
}

/** Everything else is kept in that folder, too: where nothing can be written nothing can be served. */
function secretsIn(dataDir: string): Source {
  try {
    return { ...developmentSecrets(dataDir) };
  } catch (error) {
    throw new ConfigError([`DATA_DIR cannot be written: ${(error as Error).message}`]);
  }
}

/** This process's configuration. A bad environment ends the process, before anything is opened. */
export const config: Config = loadConfig();

function loadConfig(): Config {
  dotenv.config({ quiet: true });
  try {
    return parseEnv(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) {
      throw error;
    }
    process.stderr.write(`${error.message}\n`);
    return process.exit(1);
  }
}
