import { MongoError } from "../errors";
import { type Doc, isDocument, toNumber } from "../bson/values";
import { own } from "../query/path";
import { isTextLanguage, type TextQuery, wordsOf } from "../query/text-query";
import { isStopWord, stemEnglish } from "./english";
import { encodeKey } from "./key-string";

/** What a text index covers. */
export interface TextSpec {
  weights: [path: string, weight: number][];
  language: string;
  languageField: string;
}

interface TermStatistics {
  count: number;
  frequency: number;
  halving: number;
}

/** Everything that turns text into the terms of a text index. */
export const TextAnalyzer = { specOf, checkLanguages, keysOf, scoreOf, lookupKeys };

function specOf(spec: Doc): TextSpec {
  const weights = Object.entries(spec["weights"] as Doc);
  return {
    weights: weights.map(([path, weight]) => [path, toNumber(weight) ?? 1]),
    language: (spec["default_language"] as string | undefined) ?? "english",
    languageField: (spec["language_override"] as string | undefined) ?? "language",
  };
}

/**
 * Refuses a document that says its text is in a language MongoDB does not know. Inner documents on
 * the way to a text may say so, too.
 * @see https://www.mongodb.com/docs/manual/core/indexes/index-types/index-text/specify-language-text-index/
 */
function checkLanguages({ weights, languageField }: TextSpec, doc: Doc): void {
  for (const [path] of weights) {
    checkLanguage(languageField, doc, path === "$**" ? undefined : path.split("."));
  }
}

function checkLanguage(field: string, value: unknown, parts: readonly string[] | undefined): void {
  if (Array.isArray(value)) {
    value.forEach((element) => checkLanguage(field, element, parts));
  } else if (isDocument(value)) {
    const language = own(value, field);
    if (language !== undefined && typeof language !== "string") {
      throw new MongoError(17261, "found language override field in document with non-string type");
    }
    if (language !== undefined && !isTextLanguage(language)) {
      throw new MongoError(17262, `language override unsupported: ${language}`);
    }
    if (parts === undefined) {
      Object.values(value).forEach((inner) => checkLanguage(field, inner, undefined));
    } else if (parts[0] !== undefined) {
      checkLanguage(field, own(value, parts[0]), parts.slice(1));
    }
  }
}

/** One key per term; scores are computed when a search reads the document. */
function keysOf(spec: TextSpec, doc: Doc): Buffer[] {
  return [...termScores(spec, doc).keys()].map((term) => encodeKey(term));
}

/** The index keys of the words of a search. */
function lookupKeys(spec: TextSpec, query: TextQuery): Buffer[] {
  return [
    ...new Set(query.words.flatMap((word) => termOf(word, query.language ?? spec.language) ?? [])),
  ].map((term) => encodeKey(term));
}

/**
 * The textScore of a document, or undefined when the search does not match it.
 * @see https://www.mongodb.com/docs/manual/reference/operator/query/text/#text-score
 */
function scoreOf(spec: TextSpec, query: TextQuery, doc: Doc): number | undefined {
  const scores = termScores(spec, doc);
  const language = query.language ?? spec.language;
  const has = (word: string) => scores.has(termOf(word, language) ?? "");
  if (query.negated.some(has)) {
    return undefined;
  }
  const terms = new Set(query.words.flatMap((word) => termOf(word, language) ?? []));
  const score = [...terms].reduce((sum, term) => sum + (scores.get(term) ?? 0), 0);
  const matched = [...terms].some((term) => scores.has(term));
  return matched && exactPartsMatch(spec, query, doc) ? score : undefined;
}

/** Phrases, and words when case or diacritics matter, are compared with the text itself. */
function exactPartsMatch(spec: TextSpec, query: TextQuery, doc: Doc): boolean {
  if (
    query.phrases.length + query.negatedPhrases.length === 0 &&
    !query.caseSensitive &&
    !query.diacriticSensitive
  ) {
    return true;
  }
  const fold = (text: string) => foldExact(text, query);
  const texts = spec.weights.flatMap(([path]) => textsAt(doc, path)).map(fold);
  const contains = (part: string) => texts.some((text) => text.includes(fold(part)));
  return (
    query.phrases.every(contains) &&
    !query.negatedPhrases.some(contains) &&
    (!(query.caseSensitive || query.diacriticSensitive) || query.words.some(contains))
  );
}

function foldExact(text: string, query: TextQuery): string {
  const cased = query.caseSensitive ? text : text.toLowerCase();
  return query.diacriticSensitive ? cased : stripDiacritics(cased);
}

function termScores(spec: TextSpec, doc: Doc): Map<string, number> {
  const scores = new Map<string, number>();
  const override = doc[spec.languageField];
  const language = typeof override === "string" ? override : spec.language;
  for (const [path, weight] of spec.weights) {
    for (const text of textsAt(doc, path)) {
      scoreText(text, weight, language, scores);
    }
  }
  return scores;
}

/** MongoDB's formula: repeated terms count less and less, rare ones within a text more. */
function scoreText(
  text: string,
  weight: number,
  language: string,
  scores: Map<string, number>,
): void {
  const terms = new Map<string, TermStatistics>();
  let total = 0;
  for (const word of wordsOf(text)) {
    const term = termOf(word, language);
    if (term !== undefined) {
      const known = terms.get(term) ?? { count: 0, frequency: 0, halving: 0.5 };
      known.halving *= 2;
      known.count++;
      known.frequency += 1 / known.halving;
      terms.set(term, known);
      total++;
    }
  }
  for (const [term, { count, frequency }] of terms) {
    const coefficient = (0.5 * count) / total + 0.5;
    const wholeText = text.toLowerCase() === term ? 1.1 : 1;
    scores.set(term, (scores.get(term) ?? 0) + weight * frequency * coefficient * wholeText);
  }
}

/** Words that were stemmed already: a search meets the same ones in thousands of documents. */
const knownTerms = new Map<string, string | undefined>();
const KNOWN_TERMS_MAX = 20_000;
const KNOWN_WORD_MAX = 40;

/** A word as the index holds it; undefined for stop words. */
function termOf(word: string, language: string): string | undefined {
  const key = `${language} ${word}`;
  if (knownTerms.has(key)) {
    return knownTerms.get(key);
  }
  const term = newTerm(word, language);
  if (word.length <= KNOWN_WORD_MAX) {
    if (knownTerms.size >= KNOWN_TERMS_MAX) {
      knownTerms.clear();
    }
    knownTerms.set(key, term);
  }
  return term;
}

function newTerm(word: string, language: string): string | undefined {
  const lower = word.toLowerCase();
  if (language !== "english" && language !== "en") {
    return stripDiacritics(lower);
  }
  return isStopWord(lower) ? undefined : stripDiacritics(stemEnglish(lower));
}

function stripDiacritics(text: string): string {
  return text.normalize("NFD").replace(/\p{Mn}/gu, "");
}

function textsAt(doc: Doc, path: string): string[] {
  return path === "$**" ? allTexts(doc) : textsUnder(doc, path.split("."), 0);
}

function textsUnder(value: unknown, parts: readonly string[], at: number): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((element) => textsUnder(element, parts, at));
  }
  if (at === parts.length) {
    return typeof value === "string" ? [value] : [];
  }
  return isDocument(value) ? textsUnder(own(value, parts[at] as string), parts, at + 1) : [];
}

function allTexts(value: unknown): string[] {
  if (typeof value === "string") {
    return [value];
  }
  if (Array.isArray(value)) {
    return value.flatMap(allTexts);
  }
  return isDocument(value) ? Object.values(value).flatMap(allTexts) : [];
}
