import { type Doc, isDocument, Long } from "./bson/values";
import type { Change } from "./sessions/write-unit";

type Operation = "insert" | "query" | "update" | "delete" | "getmore" | "command";

type Counts<Name extends string> = Record<Name, number>;

const DOCUMENT_OF_CHANGE: Partial<Record<Change["type"], "deleted" | "inserted" | "updated">> = {
  delete: "deleted",
  insert: "inserted",
  replace: "updated",
  update: "updated",
};

/** What the server has done since it was started, as serverStatus tells it. */
export class Statistics {
  readonly operations: Counts<Operation> = {
    insert: 0,
    query: 0,
    update: 0,
    delete: 0,
    getmore: 0,
    command: 0,
  };
  readonly documents = { deleted: 0, inserted: 0, returned: 0, updated: 0 };
  readonly network = { bytesIn: 0, bytesOut: 0, numRequests: 0 };

  /** A command that writes counts as often as it has statements. */
  countCommand(name: string, command: Doc): void {
    switch (name) {
      case "insert":
        this.operations.insert += lengthOf(command["documents"]);
        return;
      case "update":
        this.operations.update += lengthOf(command["updates"]);
        return;
      case "delete":
        this.operations.delete += lengthOf(command["deletes"]);
        return;
      case "find":
      case "aggregate":
        this.operations.query++;
        return;
      case "getMore":
        this.operations.getmore++;
        return;
      case "bulkWrite":
        this.countStatements(command["ops"]);
        return;
      default:
        this.operations.command++;
    }
  }

  countChanges(changes: readonly Change[]): void {
    for (const { type } of changes) {
      const counted = DOCUMENT_OF_CHANGE[type];
      if (counted) {
        this.documents[counted]++;
      }
    }
  }

  private countStatements(statements: unknown): void {
    for (const statement of Array.isArray(statements) ? (statements as unknown[]) : []) {
      const [kind] = isDocument(statement) ? Object.keys(statement) : [];
      if (kind === "insert" || kind === "update" || kind === "delete") {
        this.operations[kind]++;
      }
    }
  }
}

/** Counts as the longs MongoDB answers. */
export function asLongs(counts: Counts<string>): Record<string, Long> {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name, Long.fromNumber(count)]),
  );
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}
