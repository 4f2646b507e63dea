import { compareValues } from "../../bson/compare";
import { type CompileOperator, isTruthy, type Scope } from "../scope";
import { MongoError } from "../../errors";

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/#comparison-expression-operators */
export const COMPARISON: Record<string, CompileOperator> = {
  $and: (argument, compile) => {
    const items = asArray(argument).map(compile);
    return (scope) => items.every((item) => isTruthy(item(scope)));
  },
  $cmp: comparing("$cmp", Math.sign),
  $eq: comparing("$eq", (order) => order === 0),
  $gt: comparing("$gt", (order) => order > 0),
  $gte: comparing("$gte", (order) => order >= 0),
  $lt: comparing("$lt", (order) => order < 0),
  $lte: comparing("$lte", (order) => order <= 0),
  $ne: comparing("$ne", (order) => order !== 0),
  $not: (argument, compile) => {
    const item = compile(Array.isArray(argument) ? argument[0] : argument);
    return (scope) => !isTruthy(item(scope));
  },
  $or: (argument, compile) => {
    const items = asArray(argument).map(compile);
    return (scope) => items.some((item) => isTruthy(item(scope)));
  },
};

function comparing(name: string, accept: (order: number) => unknown): CompileOperator {
  return (argument, compile) => {
    const given = asArray(argument);
    if (given.length !== 2) {
      throw new MongoError(
        16020,
        `Expression ${name} takes exactly 2 arguments. ${given.length} were passed in.`,
      );
    }
    const [left, right] = given.map(compile);
    return (scope: Scope) =>
      accept(compareValues(left?.(scope), right?.(scope), scope.collation?.order));
  };
}

function asArray(argument: unknown): unknown[] {
  return Array.isArray(argument) ? argument : [argument];
}
