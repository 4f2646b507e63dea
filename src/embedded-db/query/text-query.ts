import { badValue, MongoError } from "../errors";
import { isDocument } from "../bson/values";

/** A `$text` search taken apart; terms are not stemmed yet, the index knows its language. */
export interface TextQuery {
  words: string[];
  negated: string[];
  phrases: string[];
  negatedPhrases: string[];
  language: string | undefined;
  caseSensitive: boolean;
  diacriticSensitive: boolean;
}

/**
 * Parses `{ $text: { $search: 'word "a phrase" -without' } }`.
 * @see https://www.mongodb.com/docs/manual/reference/operator/query/text/
 */
export function parseTextQuery(operand: unknown): TextQuery {
  if (!isDocument(operand)) {
    throw badValue("$text expects an object");
  }
  const search = operand["$search"];
  if (typeof search !== "string") {
    throw new MongoError(14, '"$search" had the wrong type. Expected string');
  }
  return {
    ...split(search),
    language: operand["$language"] as string | undefined,
    caseSensitive: operand["$caseSensitive"] === true,
    diacriticSensitive: operand["$diacriticSensitive"] === true,
  };
}

type Terms = Pick<TextQuery, "words" | "negated" | "phrases" | "negatedPhrases">;

function split(search: string): Terms {
  const terms: Terms = { words: [], negated: [], phrases: [], negatedPhrases: [] };
  for (const [, minus, phrase, word] of search.matchAll(
    /(?<![^\s"])(-?)(?:"([^"]*)"|([^\s"]+))/g,
  )) {
    if (phrase !== undefined) {
      (minus ? terms.negatedPhrases : terms.phrases).push(phrase);
      if (!minus) {
        terms.words.push(...wordsOf(phrase));
      }
    } else if (word !== undefined) {
      (minus ? terms.negated : terms.words).push(...wordsOf(word));
    }
  }
  return terms;
}

/** Words are runs of letters, digits and underscores, in any script. */
export function wordsOf(text: string): string[] {
  return (
    text
      .match(/[\p{L}\p{N}\p{M}_']+/gu)
      ?.map((word) => word.replace(/^'+|'+$/g, ""))
      .filter(Boolean) ?? []
  );
}
