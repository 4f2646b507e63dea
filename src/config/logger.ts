import pino from "pino";
import type PinoPretty from "pino-pretty";
import { config } from "./env";

/** Never written, wherever they stand in what is logged. */
const REDACTED = [
  "req.headers.authorization",
  "req.headers.cookie",
  'res.headers["set-cookie"]',
  "*.password",
  "*.oldPassword",
  "*.newPassword",
  "*.accessToken",
  "*.refreshToken",
];

/** Lines for people in development, JSON lines for machines elsewhere. */
function destination() {
  if (config.nodeEnv !== "development") {
    return pino.destination(1);
  }
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a development dependency, absent in production
  const pretty = require("pino-pretty") as typeof PinoPretty;
  return pretty({
    sync: true,
    ignore: "pid,hostname,req,res,responseTime",
    translateTime: "HH:MM:ss",
  });
}

export const logger = pino(
  { level: config.logLevel, redact: { paths: REDACTED, censor: "[redacted]" } },
  destination(),
);
