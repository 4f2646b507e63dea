import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "../../src/config/env";
import { storageVariables } from "../../src/config/storage";
import { run, scratchFolder } from "../support/server";

const secrets = {
  ACCESS_TOKEN_SECRET: "a".repeat(40),
  REFRESH_TOKEN_SECRET: "b".repeat(40),
};
const production = { NODE_ENV: "production", ...secrets };

/** What is wrong with an environment, one line each. */
function problems(env: Record<string, string>): string[] {
  try {
    parseEnv(env);
    return [];
  } catch (error) {
    return (error as { problems: string[] }).problems;
  }
}

describe("the configuration", () => {
  it.each([
    ["ACCESS_TOKEN_SECRET", ""],
    ["REFRESH_TOKEN_SECRET", ""],
    ["ACCESS_TOKEN_SECRET", "short"],
    ["ACCESS_TOKEN_SECRET", "your-access-token-secret-goes-here-1234567890"],
    ["REFRESH_TOKEN_SECRET", secrets.ACCESS_TOKEN_SECRET],
    ["CORS_ORIGIN", "*"],
    ["CORS_ORIGIN", "https://example.com/path"],
    ["ACCESS_TOKEN_EXPIRY", "10"],
    ["REFRESH_TOKEN_EXPIRY", "soon"],
    ["MONGODB_URI", "postgres://localhost"],
    ["PORT", "99999"],
    ["PORT", "http"],
    ["BCRYPT_ROUNDS", "4"],
    ["COOKIE_SECURE", "yes"],
    ["MAX_VIDEO_SIZE", "much"],
    ["PUBLIC_URL", "example.com"],
    ["CLOUDINARY_URL", "https://cloudinary.com"],
    ["CLOUDINARY_API_KEY", "alone"],
    ["S3_BUCKET", "alone"],
    ["S3_ENDPOINT", "minio:9000"],
    ["S3_FORCE_PATH_STYLE", "yes"],
    ["S3_PREFIX", "/media/"],
    ["LOGIN_ATTEMPTS", "0"],
    ["TRUST_PROXY", "maybe"],
    ["TRUST_PROXY", "1.5"],
    ["TRUST_PROXY", "10.0.0.1,"],
    ["TRUST_PROXY", "10.0.0.0/40"],
  ])("refuses %s=%s by name", (name, value) => {
    const found = problems({ ...production, [name]: value });
    expect(found.join("\n")).toContain(name.split("_")[0]);
    expect(found.length).toBeGreaterThan(0);
  });

  it("refuses a DATA_DIR that cannot be written", () => {
    expect(problems({ DATA_DIR: __filename })).toEqual([
      expect.stringContaining("DATA_DIR cannot be written"),
    ]);
  });

  it("refuses SameSite=None without Secure", () => {
    const env = { ...production, COOKIE_SAMESITE: "none", COOKIE_SECURE: "false" };
    expect(problems(env)).toEqual([expect.stringContaining("COOKIE_SAMESITE")]);
  });

  const s3 = {
    S3_BUCKET: "media",
    S3_REGION: "auto",
    S3_ACCESS_KEY_ID: "id",
    S3_SECRET_ACCESS_KEY: "key",
  };

  it("names what is missing of an S3 bucket, and what asks for it", () => {
    expect(
      problems({ ...production, S3_ENDPOINT: "http://minio:9000", S3_BUCKET: "media" }),
    ).toEqual(
      ["S3_REGION", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"].map(
        (name) => `${name} is missing: it goes together with S3_BUCKET`,
      ),
    );
  });

  it("refuses two places for media, naming both", () => {
    const cloudinary = { CLOUDINARY_URL: "cloudinary://1:secret@cloud" };
    expect(problems({ ...production, ...s3, ...cloudinary })).toEqual([
      "S3_BUCKET and CLOUDINARY_URL are both set: media have one place only",
    ]);
  });

  it("reads an S3 bucket", () => {
    expect(parseEnv({ ...production, ...s3 }).media.storage).toEqual({
      cloudinaryUrl: null,
      s3: {
        bucket: "media",
        region: "auto",
        accessKeyId: "id",
        secretAccessKey: "key",
        forcePathStyle: false,
      },
    });
  });

  it("takes empty values for absent ones", () => {
    expect(parseEnv({ ...production, MONGODB_URI: "", PUBLIC_URL: " " }).database.uri).toBeNull();
  });

  it("is strict about cookies in production and lets them work over http in development", () => {
    expect(parseEnv(production).auth.cookieSecure).toBe(true);
    const development = { DATA_DIR: scratchFolder() };
    expect(parseEnv(development).auth.cookieSecure).toBe(false);
  });

  it("keeps the secrets it makes for development", () => {
    const env = { DATA_DIR: scratchFolder() };
    const first = parseEnv(env).auth;
    expect(parseEnv(env).auth).toEqual(first);
    expect(first.accessTokenSecret).not.toBe(first.refreshTokenSecret);
    expect(parseEnv({ DATA_DIR: scratchFolder() }).auth).not.toEqual(first);
  });

  it("has every key in .env.sample, and no other", () => {
    const root = resolve(__dirname, "..", "..");
    const sample = readFileSync(resolve(root, ".env.sample"), "utf8");
    const documented = [...sample.matchAll(/^# ?([A-Z0-9_]+)=/gm)].map((match) => match[1]!);
    const source = readFileSync(resolve(root, "src/config/env.ts"), "utf8");
    const schema = /z\.object\(\{(.*?)\n {2}\}\)/s.exec(source)![1]!;
    const known = [...schema.matchAll(/^ {4}([A-Z_]+):/gm)].map((match) => match[1]!);
    known.push(...Object.keys(storageVariables));
    expect(documented.sort()).toEqual(known.filter((key) => key !== "PATH").sort());
  });
});

describe("the server", () => {
  it("ends at once with all problems by name and opens nothing", async () => {
    const program = run("src/index.ts", {
      NODE_ENV: "production",
      PORT: "http",
      CORS_ORIGIN: "*",
      DATA_DIR: scratchFolder(),
    });
    expect(await program.exited).toBe(1);
    for (const name of ["ACCESS_TOKEN_SECRET", "REFRESH_TOKEN_SECRET", "PORT", "CORS_ORIGIN"]) {
      expect(program.output).toContain(name);
    }
    expect(program.output).not.toMatch(/\bat .+:\d+:\d+/);
  });
});
