import { MongoError } from "../errors";
import type { Doc } from "../bson/values";
import type { CommandContext } from "./context";
import { MONGODB_VERSION } from "./buildInfo";

/** @see https://www.mongodb.com/docs/manual/reference/command/getParameter/ */
export function getParameter(context: CommandContext): Doc {
  const known = parametersOf(context);
  if (context.command["getParameter"] === "*") {
    return known;
  }
  const wanted = Object.keys(context.command).filter((name) => name in known);
  if (wanted.length === 0) {
    throw new MongoError(72, "no option found to get");
  }
  return Object.fromEntries(wanted.map((name) => [name, known[name]]));
}

/** @see https://www.mongodb.com/docs/manual/reference/command/setParameter/ */
export function setParameter(context: CommandContext): Doc {
  const { parameters } = context.engine;
  const wanted = Object.keys(context.command).filter((name) => name in parameters);
  const [name] = wanted;
  if (name === undefined) {
    throw new MongoError(
      72,
      "attempted to set unrecognized parameter, use help:true to see options ",
    );
  }
  const was = parameters[name];
  wanted.forEach((key) => (parameters[key] = context.command[key]));
  return { was };
}

function parametersOf(context: CommandContext): Doc {
  return {
    featureCompatibilityVersion: { version: MONGODB_VERSION.slice(0, 3) },
    transactionLifetimeLimitSeconds: 60,
    ...context.engine.parameters,
  };
}
