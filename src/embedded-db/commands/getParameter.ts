import { badValue, MongoError } from "../errors";
import { type Doc, isNumeric, toNumber, typeName } from "../bson/values";
import type { CommandContext } from "./context";
import { MONGODB_VERSION } from "./buildInfo";

/** @see https://www.mongodb.com/docs/manual/reference/command/getParameter/ */
export function getParameter(context: CommandContext): Doc {
  const known = parametersOf(context);
  if (context.command["getParameter"] === "*") {
    return known;
  }
  const wanted = Object.keys(context.command).filter((name) => Object.hasOwn(known, name));
  if (wanted.length === 0) {
    throw new MongoError(72, "no option found to get");
  }
  return Object.fromEntries(wanted.map((name) => [name, known[name]]));
}

/** @see https://www.mongodb.com/docs/manual/reference/command/setParameter/ */
export function setParameter(context: CommandContext): Doc {
  const { parameters } = context.engine;
  const wanted = Object.keys(context.command).filter((name) => Object.hasOwn(parameters, name));
  const [name] = wanted;
  if (name === undefined) {
    throw new MongoError(
      72,
      "attempted to set unrecognized parameter, use help:true to see options ",
    );
  }
  wanted.forEach((key) => checkParameter(key, context.command[key], parameters[key]));
  const was = parameters[name];
  wanted.forEach((key) => (parameters[key] = context.command[key]));
  return { was };
}

const MAY_BE_ZERO = new Set(["minSnapshotHistoryWindowInSeconds"]);

/** Refuses a value of another kind than the parameter has. */
function checkParameter(name: string, value: unknown, before: unknown): void {
  const isNumber = isNumeric(before);
  if (isNumber ? !isNumeric(value) : typeof value !== typeof before) {
    throw badValue(`Invalid value for the parameter ${name}: it is a ${typeName(value)}`);
  }
  const number = toNumber(value) ?? NaN;
  if (isNumber && !(number > 0 || (number === 0 && MAY_BE_ZERO.has(name)))) {
    throw badValue(`Invalid value for the parameter ${name}: it must be greater than 0`);
  }
}

function parametersOf(context: CommandContext): Doc {
  return {
    featureCompatibilityVersion: { version: MONGODB_VERSION.slice(0, 3) },
    transactionLifetimeLimitSeconds: 60,
    ...context.engine.parameters,
  };
}
