import { createHmac, timingSafeEqual } from "node:crypto";

/** Bytes of the signature: 128 bits cannot be guessed and keep the address short. */
const SIGNATURE_BYTES = 16;

/**
 * A ticket opens what lies in one folder for a limited time, to whoever shows it. It stays the same
 * for `ttl` milliseconds and is good for as long again at least, so that a player's address does
 * not change whenever the video is loaded anew.
 */
export function issueTicket(scope: string, ttl: number, secret: string): string {
  const expiry = (Math.floor(Date.now() / ttl) + 2) * ttl;
  const moment = expiry.toString(36);
  return `${moment}.${signature(scope, moment, secret)}`;
}

/** Whether the ticket opens the folder, has done so once, or never did. */
export function checkTicket(
  ticket: string,
  scope: string,
  secret: string,
): "valid" | "expired" | "invalid" {
  const [moment = "", given = ""] = ticket.split(".");
  // As text: several texts decode to the same bytes.
  if (!isSame(given, signature(scope, moment, secret))) {
    return "invalid";
  }
  return Number.parseInt(moment, 36) > Date.now() ? "valid" : "expired";
}

function isSame(given: string, expected: string): boolean {
  const [some, others] = [Buffer.from(given), Buffer.from(expected)];
  return some.length === others.length && timingSafeEqual(some, others);
}

function signature(scope: string, moment: string, secret: string): string {
  // The prefix keeps signatures of one purpose from serving another under the same secret.
  return createHmac("sha256", secret)
    .update(`media-ticket\n${scope}\n${moment}`)
    .digest()
    .subarray(0, SIGNATURE_BYTES)
    .toString("base64url");
}
