import { MongoError } from "../errors";
import { formatValue } from "../bson/format";
import { type Doc, isDocument } from "../bson/values";
import { compileExpression } from "../query/expression";
import { type Evaluate, type Scope, scopeFor } from "../query/scope";
import type { PipelineContext, Stage } from "./stage";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/redact/ */
export function redact(argument: unknown, context: PipelineContext): Stage {
  const evaluate = compileExpression(argument);
  return function* (input) {
    for (const doc of input) {
      const kept = redacted(doc, evaluate, scopeFor(doc, context));
      if (kept) {
        yield kept;
      }
    }
  };
}

function redacted(doc: Doc, evaluate: Evaluate, scope: Scope): Doc | undefined {
  const decision = evaluate({ ...scope, current: doc });
  switch (decision) {
    case "$$KEEP":
      return doc;
    case "$$PRUNE":
      return undefined;
    case "$$DESCEND": {
      const fields = Object.entries(doc).map(([name, value]) => [
        name,
        redactedValue(value, evaluate, scope),
      ]);
      return Object.fromEntries(fields.filter(([, value]) => value !== undefined)) as Doc;
    }
    default:
      throw new MongoError(
        17053,
        `$redact's expression should not return anything aside from the variables $$KEEP, $$DESCEND, and $$PRUNE, but returned ${formatValue(decision)}`,
      );
  }
}

function redactedValue(value: unknown, evaluate: Evaluate, scope: Scope): unknown {
  if (Array.isArray(value)) {
    return value
      .map((element) => redactedValue(element, evaluate, scope))
      .filter((element) => element !== undefined);
  }
  return isDocument(value) ? redacted(value, evaluate, scope) : value;
}
