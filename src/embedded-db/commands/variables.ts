import { type Doc, isDocument } from "../bson/values";
import { MongoError } from "../errors";
import { evaluateExpression } from "../query/expression";

/**
 * The variables of a command's `let`: constant expressions, each of which may use those before it.
 * Throws 4890500 for one that reads a document.
 * @see https://www.mongodb.com/docs/manual/reference/command/aggregate/
 */
export function letVariables(specification: Doc): Doc {
  const variables: Doc = {};
  for (const [name, expression] of Object.entries(specification)) {
    if (readsDocument(expression)) {
      throw new MongoError(4890500, "Command let Expression does not evaluate to a constant");
    }
    variables[name] = evaluateExpression(undefined, expression, { variables });
  }
  return variables;
}

function readsDocument(expression: unknown): boolean {
  if (typeof expression === "string") {
    return /^\$(?:[^$]|\$(?:ROOT|CURRENT)(?:\.|$))/.test(expression);
  }
  if (Array.isArray(expression)) {
    return expression.some(readsDocument);
  }
  return (
    isDocument(expression) &&
    Object.entries(expression).some(([name, value]) => name !== "$literal" && readsDocument(value))
  );
}
