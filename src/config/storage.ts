import { z } from "zod";
import { flag, httpUrl } from "./values";

/** The variables that say where media are kept, as they stand in the environment. */
export const storageVariables = {
  CLOUDINARY_URL: z
    .string()
    .regex(
      /^cloudinary:\/\/[^:@/]+:[^:@/]+@[^:@/?]+/,
      "is not cloudinary://API_KEY:API_SECRET@CLOUD_NAME",
    )
    .optional(),
  CLOUDINARY_CLOUD_NAME: z.string().optional(),
  CLOUDINARY_API_KEY: z.string().optional(),
  CLOUDINARY_API_SECRET: z.string().optional(),

  S3_BUCKET: z.string().optional(),
  S3_REGION: z.string().optional(),
  S3_ACCESS_KEY_ID: z.string().optional(),
  S3_SECRET_ACCESS_KEY: z.string().optional(),
  S3_ENDPOINT: httpUrl.optional(),
  S3_FORCE_PATH_STYLE: flag.prefault("false"),
  S3_PREFIX: z
    .string()
    .regex(/^[\w.-]+(\/[\w.-]+)*$/, "is not a folder, such as media or tube/media")
    .optional(),
};

const CLOUDINARY_KEYS = [
  "CLOUDINARY_CLOUD_NAME",
  "CLOUDINARY_API_KEY",
  "CLOUDINARY_API_SECRET",
] as const;

const S3_KEYS = ["S3_BUCKET", "S3_REGION", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"] as const;
const S3_OPTIONS = ["S3_ENDPOINT", "S3_FORCE_PATH_STYLE", "S3_PREFIX"] as const;

type Source = Record<string, string | undefined>;

/** What is wrong between the variables. */
export function storageProblems(source: Source): string[] {
  const isSet = (key: string) => source[key] !== undefined;
  const missing = (keys: readonly string[], together: string) =>
    keys.filter((key) => !isSet(key)).map((key) => `${key} is missing: ${together}`);
  const cloudinary = ["CLOUDINARY_URL", ...CLOUDINARY_KEYS].find(isSet);
  const s3 = [...S3_KEYS, ...S3_OPTIONS].find(isSet);
  return [
    ...(CLOUDINARY_KEYS.some(isSet)
      ? missing(CLOUDINARY_KEYS, "the three CLOUDINARY_* keys go together")
      : []),
    ...(s3 ? missing(S3_KEYS, `it goes together with ${s3}`) : []),
    ...(s3 && cloudinary
      ? [`${s3} and ${cloudinary} are both set: media have one place only`]
      : []),
  ];
}

type StorageEnv = z.output<z.ZodObject<typeof storageVariables>>;

/** Where media are kept: on Cloudinary, in a bucket of S3, or, when both are null, on this disk. */
export function toStorageConfig(env: StorageEnv) {
  const [bucket, region, accessKeyId, secretAccessKey] = S3_KEYS.map((name) => env[name]);
  return {
    cloudinaryUrl: cloudinaryUrl(env),
    s3:
      bucket && region && accessKeyId && secretAccessKey
        ? {
            bucket,
            region,
            accessKeyId,
            secretAccessKey,
            forcePathStyle: env.S3_FORCE_PATH_STYLE,
            ...(env.S3_ENDPOINT !== undefined && { endpoint: env.S3_ENDPOINT }),
            ...(env.S3_PREFIX !== undefined && { prefix: env.S3_PREFIX }),
          }
        : null,
  };
}

/** The CLOUDINARY_URL that the environment names, whole or in its three parts. */
function cloudinaryUrl(env: StorageEnv): string | null {
  if (env.CLOUDINARY_URL !== undefined) {
    return env.CLOUDINARY_URL;
  }
  const [cloud, key, apiSecret] = CLOUDINARY_KEYS.map((name) => env[name]);
  return cloud && key && apiSecret
    ? `cloudinary://${encodeURIComponent(key)}:${encodeURIComponent(apiSecret)}@${cloud}`
    : null;
}
