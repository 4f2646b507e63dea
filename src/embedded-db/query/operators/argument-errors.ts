/** What an operator says of named arguments it cannot take. */
export interface ArgumentErrors {
  /** They are no document; the type follows a message that ends with a colon or a space. */
  notObject: Refusal;
  unknown: (argument: string) => Refusal;
  missing: (argument: string) => Refusal;
}

type Refusal = readonly [code: number, message: string];

type Codes = Record<string, number>;

/** The older operators say "parameter", and speak of themselves last. */
function parameters(notObject: number, unknown: number, missing: Codes, noun = "parameter") {
  return (name: string): ArgumentErrors => ({
    notObject: [notObject, `${name} only supports an object as its argument`],
    unknown: (argument) => [unknown, `Unrecognized ${noun} to ${name}: ${argument}`],
    missing: (argument) => [
      codeOf(missing, argument),
      `Missing '${argument}' parameter to ${name}`,
    ],
  });
}

/** The younger ones say "argument", and speak of themselves first. */
function found(notObject: number, unknown: number, missing: Codes) {
  return (name: string): ArgumentErrors => ({
    notObject: [notObject, `${name} requires an object as an argument, found: `],
    unknown: (argument) => [unknown, `${name} found an unknown argument: ${argument}`],
    missing: (argument) => [
      codeOf(missing, argument),
      `${name} requires '${argument}' to be specified`,
    ],
  });
}

function codeOf(codes: Codes, argument: string): number {
  return codes[argument] ?? 9;
}

function regex(name: string): ArgumentErrors {
  return {
    notObject: [51103, `${name} expects an object of named arguments but found: `],
    unknown: (argument) => [31024, `${name} found an unknown argument: ${argument}`],
    missing: (argument) => [
      argument === "input" ? 31022 : 31023,
      `${name} requires '${argument}' parameter`,
    ],
  };
}

function dateArithmetic(name: string): ArgumentErrors {
  return {
    notObject: [5166400, `${name} expects an object as its argument`],
    unknown: (argument) => [
      5166401,
      `Unrecognized argument to ${name}: ${argument}. Expected arguments are startDate, unit, amount, and optionally timezone.`,
    ],
    missing: () => [5166402, `${name} requires startDate, unit, and amount to be present`],
  };
}

function fewOf(name: string): ArgumentErrors {
  return {
    notObject: [5787900, `specification must be an object; found ${name}: `],
    unknown: (argument) => [5787901, `Unknown argument for 'n' operator: ${argument}`],
    missing: (argument) => [
      argument === "n" ? 5787906 : 5787907,
      `Missing value for '${argument}'`,
    ],
  };
}

/** The parts of a date, such as `$year`. */
export function datePart(name: string): ArgumentErrors {
  return {
    notObject: [40539, `missing 'date' argument to ${name}, provided: ${name}: `],
    unknown: (argument) => [40535, `unrecognized option to ${name}: "${argument}"`],
    missing: () => [40539, `missing 'date' argument to ${name}, provided: ${name}: {}`],
  };
}

/** Those whose arguments are read like a command's. */
function fields(name: string): ArgumentErrors {
  return {
    notObject: [7429703, `specification must be an object; found ${name}: `],
    unknown: (argument) => [40415, `BSON field '${name}.${argument}' is an unknown field.`],
    missing: (argument) => [
      40414,
      `BSON field '${name}.${argument}' is missing but a required field`,
    ],
  };
}

const FILTER = parameters(28646, 28647, { input: 28648, cond: 28650 });

const BY_OPERATOR: Record<string, (name: string) => ArgumentErrors> = {
  $cond: parameters(16020, 17083, { if: 17080, then: 17081, else: 17082 }),
  $convert: (name) => ({
    ...regex(name),
    notObject: [9, regex(name).notObject[1]],
    unknown: (argument) => [9, `${name} found an unknown argument: ${argument}`],
    missing: (argument) => [9, `Missing '${argument}' parameter to ${name}`],
  }),
  $dateAdd: dateArithmetic,
  $dateDiff: parameters(
    5166301,
    5166302,
    { startDate: 5166303, endDate: 5166304, unit: 5166305 },
    "argument",
  ),
  $dateFromParts: (name) => ({
    ...parameters(40519, 40518, {}, "argument")(name),
    missing: () => [40516, `${name} requires either 'year' or 'isoWeekYear' to be present`],
  }),
  $dateFromString: (name) => ({
    ...parameters(40540, 40541, { dateString: 40542 }, "argument")(name),
    notObject: [40540, `${name} only supports an object as an argument, found: `],
  }),
  $dateSubtract: dateArithmetic,
  $dateToParts: parameters(40524, 40520, { date: 40522 }, "argument"),
  $dateToString: parameters(18629, 18534, { date: 18628 }, "argument"),
  $dateTrunc: (name) => ({
    ...parameters(5439007, 5439008, { date: 5439009, unit: 5439010 })(name),
    unknown: (argument) => [
      5439008,
      `Unrecognized argument to ${name}: ${argument}. Expected arguments are date, unit, and optionally, binSize, timezone, startOfWeek`,
    ],
  }),
  $filter: FILTER,
  $firstN: fewOf,
  $lastN: fewOf,
  $map: parameters(16878, 16879, { input: 16880, in: 16882 }),
  $maxN: fewOf,
  $median: fields,
  $minN: fewOf,
  $percentile: fields,
  $reduce: found(40075, 40076, { input: 40077, initialValue: 40078, in: 40079 }),
  $regexFind: regex,
  $regexFindAll: regex,
  $regexMatch: regex,
  $setField: (name) => ({
    ...found(4161100, 4161101, { field: 4161102, value: 4161103, input: 4161109 })(name),
    notObject: [4161100, `${name} only supports an object as its argument`],
  }),
  $sortArray: found(2942500, 2942501, { input: 2942502, sortBy: 2942503 }),
  $switch: (name) => ({
    notObject: [40062, `${name} expected each branch to be an object, found: `],
    unknown: (argument) => [40063, `${name} found an unknown argument to a branch: ${argument}`],
    missing: (argument) => [
      argument === "case" ? 40064 : 40065,
      `${name} requires each branch have a '${argument}' expression${argument === "case" ? "" : "."}`,
    ],
  }),
};

/** The messages of an operator; those that share a parser are known by one name. */
export function argumentErrors(name: string): ArgumentErrors {
  const errors = BY_OPERATOR[name === "$unsetField" ? "$setField" : name] ?? FILTER;
  return errors(name);
}
