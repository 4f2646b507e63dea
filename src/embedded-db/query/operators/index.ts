import type { CompileOperator } from "../scope";
import { ARITHMETIC } from "./arithmetic";
import { ARRAY } from "./array";
import { BINARY } from "./binary";
import { COMPARISON } from "./comparison";
import { CONDITIONAL } from "./conditional";
import { CONVERSION } from "./conversion";
import { DATE } from "./date";
import { OBJECT } from "./object";
import { RANGE } from "./range";
import { STRING } from "./string";

/**
 * Operators that do not go to mingo: because mingo answers differently from MongoDB (comparisons
 * open arrays, numbers lose their type, ObjectId cannot be converted), or because they decide
 * which of their arguments to evaluate, or because video feeds evaluate them for every document.
 */
export const OPERATORS: Record<string, CompileOperator> = {
  ...ARITHMETIC,
  ...ARRAY,
  ...BINARY,
  ...COMPARISON,
  ...CONDITIONAL,
  ...CONVERSION,
  ...DATE,
  ...OBJECT,
  ...RANGE,
  ...STRING,
};
