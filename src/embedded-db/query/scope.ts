import { type Doc, rankOf, Rank, toNumber } from "../bson/values";
import type { Collation } from "./collation";

/** What an expression is evaluated in. */
export interface Scope {
  root: unknown;
  current: unknown;
  variables: Doc;
  collation: Collation | undefined;
  now: Date;
}

/** A compiled expression; `undefined` is a missing value. */
export type Evaluate = (scope: Scope) => unknown;

/** Compiles an expression; operators get it handed in for their arguments. */
export type Compile = (expression: unknown) => Evaluate;

/** Compiles the argument of one operator. */
export type CompileOperator = (argument: unknown, compile: Compile) => Evaluate;

export interface ExpressionOptions {
  collation?: Collation | undefined;
  variables?: Doc | undefined;
}

/** A scope whose root and current document are the given one. */
export function scopeFor(doc: unknown, options: ExpressionOptions = {}): Scope {
  return {
    root: doc,
    current: doc,
    variables: options.variables ?? {},
    collation: options.collation,
    now: new Date(),
  };
}

/** The same scope with more variables. */
export function withVariables(scope: Scope, variables: Doc): Scope {
  return { ...scope, variables: { ...scope.variables, ...variables } };
}

/** False, null, zero and missing are false; everything else is true. */
export function isTruthy(value: unknown): boolean {
  if (value === undefined || value === null || value === false) {
    return false;
  }
  return rankOf(value) !== Rank.number || toNumber(value) !== 0;
}
