import { badValue, typeMismatch } from "../errors";
import { isDocument, typeName } from "../bson/values";

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
  const language = operand["$language"];
  expectType("$search", "string", search);
  expectType("$language", "string", language ?? "none");
  expectType("$caseSensitive", "bool", operand["$caseSensitive"] ?? false);
  expectType("$diacriticSensitive", "bool", operand["$diacriticSensitive"] ?? false);
  if (Object.keys(operand).some((name) => !OPTIONS.has(name))) {
    throw badValue("extra fields in $text");
  }
  if (language !== undefined && !isTextLanguage(language as string)) {
    throw badValue(
      `$text query specifies unsupported language: "${language as string}" for text index version 3`,
    );
  }
  return {
    ...split(search as string),
    language: (language as string | undefined)?.toLowerCase(),
    caseSensitive: operand["$caseSensitive"] === true,
    diacriticSensitive: operand["$diacriticSensitive"] === true,
  };
}

const OPTIONS = new Set(["$search", "$language", "$caseSensitive", "$diacriticSensitive"]);

/** @see https://www.mongodb.com/docs/manual/reference/text-search-languages/ */
const LANGUAGES = new Set([
  ...["danish", "dutch", "english", "finnish", "french", "german", "hungarian", "italian"],
  ...["norwegian", "portuguese", "romanian", "russian", "spanish", "swedish", "turkish", "none"],
  ...["da", "nl", "en", "fi", "fr", "de", "hu", "it", "nb", "pt", "ro", "ru", "es", "sv", "tr"],
]);

/** True for a language, or "none", that text may be declared to be in. */
export function isTextLanguage(language: string): boolean {
  return LANGUAGES.has(language.toLowerCase());
}

function expectType(name: string, expected: string, value: unknown): void {
  if (typeName(value) !== expected) {
    throw typeMismatch(
      `"${name}" had the wrong type. Expected ${expected}, found ${typeName(value)}`,
    );
  }
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
