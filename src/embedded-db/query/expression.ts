import { badValue, MongoError } from "../errors";
import { formatDocument } from "../bson/format";
import { type Doc, isDocument } from "../bson/values";
import { OPERATORS } from "./operators";
import { own, readPath } from "./path";
import { type Evaluate, type ExpressionOptions, scopeFor } from "./scope";
import { currentClusterTime } from "./watch";

/** JavaScript is never evaluated. */
const REFUSED = new Set(["$function", "$accumulator"]);

/**
 * Compiles an aggregation expression.
 * @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/
 */
export function compileExpression(expression: unknown): Evaluate {
  if (typeof expression === "string" && expression.startsWith("$")) {
    return compilePath(expression);
  }
  if (Array.isArray(expression)) {
    return compileArray(expression);
  }
  return isDocument(expression) ? compileDocument(expression) : () => expression;
}

/** Compiles and evaluates at once, for expressions that are used a single time. */
export function evaluateExpression(
  doc: unknown,
  expression: unknown,
  options: ExpressionOptions = {},
): unknown {
  return cached(expression)(scopeFor(doc, options));
}

const compiled = new WeakMap<object, Evaluate>();

/** Filters evaluate the same expression for every document. */
function cached(expression: unknown): Evaluate {
  if (typeof expression !== "object" || expression === null) {
    return compileExpression(expression);
  }
  let evaluate = compiled.get(expression);
  if (!evaluate) {
    evaluate = compileExpression(expression);
    compiled.set(expression, evaluate);
  }
  return evaluate;
}

function compilePath(expression: string): Evaluate {
  if (!expression.startsWith("$$")) {
    return compileFieldPath(expression.slice(1));
  }
  const [name = "", ...parts] = expression.slice(2).split(".");
  switch (name) {
    case "":
      throw new MongoError(9, "empty variable names are not allowed");
    case "ROOT":
      return (scope) => readPath(scope.root, parts);
    case "CURRENT":
      return (scope) => readPath(scope.current, parts);
    case "REMOVE":
      return () => undefined;
    case "NOW":
      return (scope) => readPath(scope.now, parts);
    case "CLUSTER_TIME":
      return currentClusterTime;
    case "KEEP":
    case "PRUNE":
    case "DESCEND":
      return () => expression;
    default:
      return compileVariable(name, parts);
  }
}

function compileFieldPath(path: string): Evaluate {
  const parts = path.split(".");
  if (path === "") {
    throw new MongoError(16872, "'$' by itself is not a valid FieldPath");
  }
  if (parts.includes("")) {
    throw new MongoError(15998, "FieldPath field names may not be empty strings.");
  }
  const [first = ""] = parts;
  if (parts.length === 1) {
    return ({ current }) => (isDocument(current) ? own(current, first) : undefined);
  }
  return ({ current }) => readPath(current, parts);
}

function compileVariable(name: string, parts: readonly string[]): Evaluate {
  return ({ variables }) => {
    if (!Object.hasOwn(variables, name)) {
      throw new MongoError(17276, `Use of undefined variable: ${name}`);
    }
    return readPath(variables[name], parts);
  };
}

function compileArray(expressions: readonly unknown[]): Evaluate {
  const items = expressions.map(compileExpression);
  return (scope) => items.map((item) => item(scope) ?? null);
}

function compileDocument(expression: Doc): Evaluate {
  const names = Object.keys(expression);
  const operator = names.find((name) => name.startsWith("$"));
  if (operator === undefined) {
    return compileObject(expression, names);
  }
  if (names.length > 1) {
    throw new MongoError(
      15983,
      `an object representing an expression must have exactly one field: ${formatDocument(expression)}`,
    );
  }
  return compileOperatorExpression(operator, expression[operator]);
}

function compileObject(expression: Doc, names: readonly string[]): Evaluate {
  const fields = names.map((name) => [name, compileExpression(expression[name])] as const);
  return (scope) => {
    const out: Doc = {};
    for (const [name, evaluate] of fields) {
      const value = evaluate(scope);
      if (value !== undefined) {
        out[name] = value;
      }
    }
    return out;
  };
}

function compileOperatorExpression(operator: string, argument: unknown): Evaluate {
  if (REFUSED.has(operator)) {
    throw badValue(`${operator} is not allowed: this server never evaluates JavaScript`);
  }
  const compile = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  if (!compile) {
    throw new MongoError(168, `Unrecognized expression '${operator}'`);
  }
  return compile(argument, compileExpression);
}
