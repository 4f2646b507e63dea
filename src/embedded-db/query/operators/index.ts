import type { CompileOperator } from "../scope";
import { ARITHMETIC } from "./arithmetic";
import { ARRAY } from "./array";
import { ARRAY_PARTS } from "./array-parts";
import { BINARY } from "./binary";
import { COMPARISON } from "./comparison";
import { CONDITIONAL } from "./conditional";
import { CONVERSION } from "./conversion";
import { DATE } from "./date";
import { OBJECT } from "./object";
import { PERCENTILE } from "./percentile";
import { RANGE } from "./range";
import { SET } from "./set";
import { STRING } from "./string";
import { STRING_EDIT } from "./string-edit";
import { TRIGONOMETRY } from "./trigonometry";

/** Every operator of an expression, on BSON values: numbers keep their types, longs their digits. */
export const OPERATORS: Record<string, CompileOperator> = {
  ...ARITHMETIC,
  ...ARRAY,
  ...ARRAY_PARTS,
  ...BINARY,
  ...COMPARISON,
  ...CONDITIONAL,
  ...CONVERSION,
  ...DATE,
  ...OBJECT,
  ...PERCENTILE,
  ...RANGE,
  ...SET,
  ...STRING,
  ...STRING_EDIT,
  ...TRIGONOMETRY,
};
