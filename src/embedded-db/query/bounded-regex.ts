import { createContext, Script } from "node:vm";
import { MongoError } from "../errors";
import { currentOperation } from "./watch";

/** Time that matches which turn out slow may take together, in one operation. */
const ALLOWANCE_MS = 1_000;

/** A match this quick costs nothing of the allowance. */
const FREE_MS = 1;

/** Backtracking steps that are certain to be quick, so that no watch is needed. */
const QUICK_STEPS = 1_000_000;

/** What makes a backtracking engine slow. */
interface Complexity {
  /** Quantifiers and alternatives: each multiplies the steps by the text's length at worst. */
  choices: number;
  /** A repeated group with a choice inside, or a backreference: the steps may grow exponentially. */
  explosive: boolean;
}

/** The only way V8 lets a match be interrupted is a script with a timeout. */
const watched = createContext({ regex: /(?:)/, text: "" });
const watchedMatch = new Script("regex.exec(text)");

const spentBy = new WeakMap<object, number>();

/**
 * A regular expression that cannot stop the server. Matches that are certain to be quick run
 * directly; the others run under a watch, which costs some 0.1 ms each, and all of one operation
 * together have one second. MongoDB's engine has such a limit too.
 * @see https://www.pcre.org/current/doc/html/pcre2api.html#SEC19
 */
export class BoundedRegex {
  private readonly regex: RegExp;
  private readonly complexity: Complexity;

  constructor(source: string, flags: string) {
    this.regex = compile(source, `${flags}g`);
    this.complexity = complexityOf(source);
  }

  test(text: string): boolean {
    return this.exec(text) !== null;
  }

  /** The first match at or after a place. */
  exec(text: string, from = 0): RegExpExecArray | null {
    this.regex.lastIndex = from;
    return isQuick(this.complexity, text.length) ? this.regex.exec(text) : watch(this.regex, text);
  }
}

/** MongoDB matches code points; patterns that only JavaScript's older syntax allows match units. */
function compile(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, `${flags}u`);
  } catch {
    return new RegExp(source, flags);
  }
}

function isQuick({ choices, explosive }: Complexity, length: number): boolean {
  return choices === 0 || (!explosive && Math.max(length, 2) ** (choices + 1) <= QUICK_STEPS);
}

function watch(regex: RegExp, text: string): RegExpExecArray | null {
  const start = performance.now();
  const operation = currentOperation();
  const spent = spentBy.get(operation) ?? 0;
  try {
    Object.assign(watched, { regex, text });
    const timeout = Math.max(Math.floor(ALLOWANCE_MS - spent), 1);
    return watchedMatch.runInContext(watched, { timeout }) as RegExpExecArray | null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") {
      throw error;
    }
    throw new MongoError(
      51156,
      "Error occurred while executing the regular expression: match limit exceeded",
    );
  } finally {
    spentBy.set(operation, spent + Math.max(performance.now() - start - FREE_MS, 0));
    Object.assign(watched, { text: "" });
  }
}

/** The parts of a pattern that matter here: escapes, classes, groups, alternatives, quantifiers. */
const TOKEN =
  /\\[1-9k]|\\[^]|\[(?:\\[^]|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?|\)|\||[*+?]|\{\d+(?:,\d*)?\}/g;

function complexityOf(source: string): Complexity {
  const groups = [{ choices: 0 }];
  let total = 0;
  let explosive = false;
  let closed = { choices: 0 };
  let closedEnd = -1;
  for (const { 0: token, index } of source.matchAll(TOKEN)) {
    const group = groups.at(-1) ?? { choices: 0 };
    if (/^\\[1-9k]/.test(token)) {
      explosive = true;
    } else if (token.startsWith("(")) {
      groups.push({ choices: 0 });
    } else if (token === ")") {
      closed = groups.length > 1 ? (groups.pop() ?? closed) : closed;
      closedEnd = index + 1;
      const outer = groups.at(-1) ?? group;
      outer.choices += closed.choices;
    } else if (/^[*+?|{]/.test(token)) {
      explosive ||= index === closedEnd && closed.choices > 0 && token !== "|";
      group.choices++;
      total++;
    }
  }
  return { choices: total, explosive };
}
