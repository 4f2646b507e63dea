/** Words that say nothing about a text; MongoDB's English text index leaves them out. */
const STOP_WORDS = new Set(
  (
    "i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers " +
    "herself it its itself they them their theirs themselves what which who whom this that these those am is are " +
    "was were be been being have has had having do does did doing would should could ought i'm you're he's she's " +
    "it's we're they're i've you've we've they've i'd you'd he'd she'd we'd they'd i'll you'll he'll she'll we'll " +
    "they'll isn't aren't wasn't weren't hasn't haven't hadn't doesn't don't didn't won't wouldn't shan't " +
    "shouldn't can't cannot couldn't mustn't let's that's who's what's here's there's when's where's why's how's " +
    "a an the and but if or because as until while of at by for with about against between into through during " +
    "before after above below to from up down in out on off over under again further then once here there when " +
    "where why how all any both each few more most other some such no nor not only own same so than too very"
  ).split(" "),
);

export function isStopWord(word: string): boolean {
  return STOP_WORDS.has(word);
}

const VOWEL = /[aeiouy]/;
const SHORT_END = /(?:^[aeiouy][^aeiouy]|[^aeiouy][aeiouy][^aeiouywxY])$/;
const DOUBLE = /(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/;

const WHOLE_WORDS = new Map([
  ["skis", "ski"],
  ["skies", "sky"],
  ["dying", "die"],
  ["lying", "lie"],
  ["tying", "tie"],
  ["idly", "idl"],
  ["gently", "gentl"],
  ["ugly", "ugli"],
  ["early", "earli"],
  ["only", "onli"],
  ["singly", "singl"],
]);

const INVARIANT = new Set(["sky", "news", "howe", "atlas", "cosmos", "bias", "andes"]);
const INVARIANT_AFTER_PLURAL = new Set([
  "inning",
  "outing",
  "canning",
  "herring",
  "earring",
  "proceed",
  "exceed",
  "succeed",
]);

/**
 * Cuts an English word to its stem: the Snowball "English" (Porter 2) algorithm.
 * @see https://snowballstem.org/algorithms/english/stemmer.html
 */
export function stemEnglish(text: string): string {
  const plain = text.toLowerCase().replace(/^'/, "");
  if (plain.length <= 2 || INVARIANT.has(plain)) {
    return plain;
  }
  const whole = WHOLE_WORDS.get(plain);
  if (whole !== undefined) {
    return whole;
  }
  const marked = plain.replace(
    /^y|([aeiouy])y/g,
    (match, vowel?: string) => `${vowel ?? ""}${match ? "Y" : ""}`,
  );
  const r1 = firstRegion(marked);
  const r2 = nextRegion(marked, r1);
  return suffixes(marked, r1, r2).toLowerCase();
}

function suffixes(start: string, r1: number, r2: number): string {
  let word = plural(start.replace(/'s'$|'s$|'$/, ""));
  if (INVARIANT_AFTER_PLURAL.has(word)) {
    return word;
  }
  word = pastTense(word, r1);
  if (word.length > 2) {
    word = word.replace(/([^aeiouy])[yY]$/, "$1i");
  }
  word = replaceIn(word, r1, STEP_2);
  word = replaceIn(word, r1, STEP_3);
  if (word.endsWith("ative") && inRegion(word, "ative", r2)) {
    word = word.slice(0, -5);
  }
  return lastLetters(derivational(word, r2), r1, r2);
}

function firstRegion(word: string): number {
  const prefix = /^(gener|commun|arsen)/.exec(word);
  return prefix ? prefix[0].length : nextRegion(word, 0);
}

/** The part after the first consonant that follows a vowel. */
function nextRegion(word: string, from: number): number {
  const match = /[aeiouy][^aeiouy]/.exec(word.slice(from));
  return match ? from + match.index + 2 : word.length;
}

function inRegion(word: string, suffix: string, region: number): boolean {
  return word.length - suffix.length >= region;
}

function plural(word: string): string {
  if (word.endsWith("sses")) {
    return word.slice(0, -2);
  }
  if (/ied$|ies$/.test(word)) {
    return word.length > 4 ? word.slice(0, -2) : word.slice(0, -1);
  }
  if (/us$|ss$/.test(word) || !word.endsWith("s")) {
    return word;
  }
  return VOWEL.test(word.slice(0, -2)) ? word.slice(0, -1) : word;
}

function pastTense(word: string, r1: number): string {
  const eed = /(eedly|eed)$/.exec(word);
  if (eed) {
    return inRegion(word, eed[0], r1) ? word.slice(0, -eed[0].length) + "ee" : word;
  }
  const match = /(ingly|edly|ing|ed)$/.exec(word);
  if (!match || !VOWEL.test(word.slice(0, -match[0].length))) {
    return word;
  }
  const stem = word.slice(0, -match[0].length);
  if (/(at|bl|iz)$/.test(stem)) {
    return `${stem}e`;
  }
  if (DOUBLE.test(stem)) {
    return stem.slice(0, -1);
  }
  return SHORT_END.test(stem) && stem.length <= r1 ? `${stem}e` : stem;
}

const STEP_2: [string, string][] = [
  ["ization", "ize"],
  ["ational", "ate"],
  ["fulness", "ful"],
  ["ousness", "ous"],
  ["iveness", "ive"],
  ["tional", "tion"],
  ["biliti", "ble"],
  ["lessli", "less"],
  ["entli", "ent"],
  ["ation", "ate"],
  ["alism", "al"],
  ["aliti", "al"],
  ["ousli", "ous"],
  ["iviti", "ive"],
  ["fulli", "ful"],
  ["enci", "ence"],
  ["anci", "ance"],
  ["abli", "able"],
  ["izer", "ize"],
  ["ator", "ate"],
  ["alli", "al"],
  ["bli", "ble"],
  ["logi", "log"],
];

const STEP_3: [string, string][] = [
  ["ational", "ate"],
  ["tional", "tion"],
  ["alize", "al"],
  ["icate", "ic"],
  ["iciti", "ic"],
  ["ical", "ic"],
  ["ful", ""],
  ["ness", ""],
];

function replaceIn(word: string, r1: number, rules: readonly [string, string][]): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (rule) {
    return inRegion(word, rule[0], r1) ? word.slice(0, -rule[0].length) + rule[1] : word;
  }
  const canDropLi = rules === STEP_2 && /[cdeghkmnrt]li$/.test(word) && inRegion(word, "li", r1);
  return canDropLi ? word.slice(0, -2) : word;
}

function derivational(word: string, r2: number): string {
  const match = /(ement|ance|ence|able|ible|ment|ant|ent|ism|ate|iti|ous|ive|ize|al|er|ic)$/.exec(
    word,
  );
  if (match) {
    return inRegion(word, match[0], r2) ? word.slice(0, -match[0].length) : word;
  }
  return /[st]ion$/.test(word) && inRegion(word, "ion", r2) ? word.slice(0, -3) : word;
}

function lastLetters(word: string, r1: number, r2: number): string {
  if (word.endsWith("e")) {
    const short = SHORT_END.test(word.slice(0, -1));
    return inRegion(word, "e", r2) || (inRegion(word, "e", r1) && !short)
      ? word.slice(0, -1)
      : word;
  }
  return word.endsWith("ll") && inRegion(word, "l", r2) ? word.slice(0, -1) : word;
}
