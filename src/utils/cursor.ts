import { Types } from "mongoose";
import { ApiError } from "./ApiError";

/** Where a page ended: the value it is sorted by and, for equal values, the id. */
export interface Cursor {
  value: unknown;
  id: Types.ObjectId;
}

/** Kinds of sort value; a cursor names its own, because all of it is text. */
type Kind = "date" | "number" | "text";

/** Stands between the parts: no stored text has it. JSON would write some titles six times as long. */
const SEPARATOR = "\0";

function tag(value: unknown): [Kind, string] {
  if (value instanceof Date) {
    return ["date", String(value.getTime())];
  }
  return [typeof value === "number" ? "number" : "text", String(value)];
}

/** Writes a cursor of the named list as the opaque string that clients send back. */
export function encodeCursor(list: string, cursor: Cursor): string {
  const parts = [list, ...tag(cursor.value), cursor.id.toHexString()];
  return Buffer.from(parts.join(SEPARATOR)).toString("base64url");
}

/** Reads a cursor; throws INVALID_CURSOR for anything that this list did not hand out. */
export function decodeCursor(list: string, text: string): Cursor {
  const parts = Buffer.from(text, "base64url").toString("utf8").split(SEPARATOR);
  const [name, kind, value = "", id = ""] = parts;
  const read = untag(kind, value);
  if (name !== list || parts.length !== 4 || !/^[0-9a-f]{24}$/.test(id) || read === undefined) {
    throw new ApiError("INVALID_CURSOR");
  }
  return { value: read, id: new Types.ObjectId(id) };
}

/** The value; undefined for what is none. */
function untag(kind: string | undefined, value: string): Date | number | string | undefined {
  if (kind === "date" && /^-?\d{1,15}$/.test(value)) {
    return new Date(Number(value));
  }
  if (kind === "number" && value !== "" && Number.isFinite(Number(value))) {
    return Number(value);
  }
  return kind === "text" ? value : undefined;
}
