import { Types } from "mongoose";
import { ApiError } from "./ApiError";

/** Where a page ended: the value it is sorted by and, for equal values, the id. */
export interface Cursor {
  value: unknown;
  id: Types.ObjectId;
}

/** Kinds of sort value; they survive the way through JSON as tagged pairs. */
type Tagged = ["date" | "plain", string | number];

function tag(value: unknown): Tagged {
  return value instanceof Date ? ["date", value.getTime()] : ["plain", value as string | number];
}

/** Writes a cursor of the named list as the opaque string that clients send back. */
export function encodeCursor(list: string, cursor: Cursor): string {
  const parts = [list, ...tag(cursor.value), cursor.id.toHexString()];
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** Reads a cursor; throws INVALID_CURSOR for anything that this list did not hand out. */
export function decodeCursor(list: string, text: string): Cursor {
  try {
    const [name, kind, value, id] = JSON.parse(
      Buffer.from(text, "base64url").toString("utf8"),
    ) as unknown[];
    if (name !== list || typeof id !== "string" || !/^[0-9a-f]{24}$/.test(id)) {
      throw new Error("a cursor of another list");
    }
    return { value: untag(kind, value), id: new Types.ObjectId(id) };
  } catch (cause) {
    throw new ApiError("INVALID_CURSOR", { cause });
  }
}

function untag(kind: unknown, value: unknown): unknown {
  if (kind === "date" && typeof value === "number" && Number.isSafeInteger(value)) {
    return new Date(value);
  }
  if (kind === "plain" && (typeof value === "string" || typeof value === "number")) {
    return value;
  }
  throw new Error("not a sort value");
}
