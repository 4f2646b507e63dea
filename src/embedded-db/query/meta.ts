import type { Doc } from "../bson/values";

const scores = new WeakMap<object, Doc>();

/** Notes something computed for a document, such as its text score. */
export function setMeta(doc: Doc, name: string, value: unknown): void {
  scores.set(doc, { ...scores.get(doc), [name]: value });
}

/** What `{ $meta: name }` gives for a document. */
export function metaOf(doc: unknown, name: string): unknown {
  return typeof doc === "object" && doc !== null ? scores.get(doc)?.[name] : undefined;
}

/** A document made from another keeps what was computed for it. */
export function keepMeta(from: Doc, to: Doc): Doc {
  const meta = scores.get(from);
  if (meta) {
    scores.set(to, meta);
  }
  return to;
}
