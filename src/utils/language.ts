const names = new Intl.DisplayNames(["en"], { type: "language" });

/** A BCP 47 language tag in its canonical form, `en-US` for `EN-us`; undefined for what is none. */
export function canonicalLanguage(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch {
    return undefined;
  }
}

/** What a canonical language tag is called in English; the tag itself where it has no name. */
export function languageName(tag: string): string {
  // Names are of languages, scripts and regions; extensions have none.
  return names.of(new Intl.Locale(tag).baseName) ?? tag;
}
