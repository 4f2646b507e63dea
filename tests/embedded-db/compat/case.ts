export type Doc = Record<string, unknown>;

/** One question to a MongoDB server: documents in the collection `c`, commands, the last reply. */
export interface Case {
  name: string;
  documents?: Doc[];
  commands: Doc[];
  /** What MongoDB documents of the last reply; arrays and values exactly, other fields may be more. */
  reply: Doc;
  /** Why the reference engine is known to answer otherwise. It must go when it no longer does. */
  difference?: string;
}

export function found(...firstBatch: Doc[]): Doc {
  return { cursor: { firstBatch } };
}

export function find(filter: Doc, more: Doc = {}): Doc {
  return { find: "c", filter, ...more };
}

export function aggregate(...pipeline: Doc[]): Doc {
  return { aggregate: "c", pipeline, cursor: {} };
}

export function update(q: Doc, u: unknown, more: Doc = {}): Doc {
  return { update: "c", updates: [{ q, u, ...more }] };
}
