import { MongoError } from "../errors";

/** The R40 of ISO 3; R20, R10 and R5 are every second, fourth and eighth of them. */
const R40 = [
  100, 106, 112, 118, 125, 132, 140, 150, 160, 170, 180, 190, 200, 212, 224, 236, 250, 265, 280,
  300, 315, 335, 355, 375, 400, 425, 450, 475, 500, 530, 560, 600, 630, 670, 710, 750, 800, 850,
  900, 950,
];

/** As MongoDB documents it: those of the R80 of ISO 3 that are not in R40. */
const R80 = [
  103, 109, 115, 122, 128, 136, 145, 155, 165, 175, 185, 195, 206, 218, 230, 243, 258, 272, 290,
  307, 325, 345, 365, 387, 412, 437, 462, 487, 515, 545, 580, 615, 650, 690, 730, 775, 825, 875,
  925, 975,
];

/** The E24 of IEC 60063, whose numbers are older than the formula of the finer series. */
const E24 = [
  100, 110, 120, 130, 150, 160, 180, 200, 220, 240, 270, 300, 330, 360, 390, 430, 470, 510, 560,
  620, 680, 750, 820, 910,
];

/** The E192 of IEC 60063: 920 is the one that its formula rounds to another number. */
const E192 = Array.from({ length: 192 }, (_, at) => {
  const number = Math.round(100 * 10 ** (at / 192));
  return number === 919 ? 920 : number;
});

const SERIES: Record<string, readonly number[]> = {
  "1-2-5": [100, 200, 500],
  E6: every(4, E24),
  E12: every(2, E24),
  E24,
  E48: every(4, E192),
  E96: every(2, E192),
  E192,
  R5: every(8, R40),
  R10: every(4, R40),
  R20: every(2, R40),
  R40,
  R80,
};

function every(step: number, series: readonly number[]): number[] {
  return series.filter((_number, at) => at % step === 0);
}

/** Rounds positive numbers to the next one of a series, never to themselves; zero stays zero. */
export interface Granularity {
  up: (value: number) => number;
  down: (value: number) => number;
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/bucketAuto/#granularity */
export function granularityOf(name: unknown): Granularity {
  if (typeof name !== "string") {
    throw new MongoError(40261, "The $bucketAuto 'granularity' field must be a string");
  }
  if (name === "POWERSOF2") {
    return POWERS_OF_2;
  }
  const series = Object.hasOwn(SERIES, name) ? SERIES[name] : undefined;
  if (!series) {
    throw new MongoError(40257, `Unknown rounding granularity '${name}'`);
  }
  return {
    up: (value) => nearest(value, series, (number) => number > value, Math.min),
    down: (value) => nearest(value, series, (number) => number < value, Math.max),
  };
}

const POWERS_OF_2: Granularity = {
  up: (value) => (finite(value) ? 2 ** (Math.floor(Math.log2(value)) + 1) : value),
  down: (value) => (finite(value) ? 2 ** (Math.ceil(Math.log2(value)) - 1) : value),
};

function finite(value: number): boolean {
  return value !== 0 && Number.isFinite(value);
}

function nearest(
  value: number,
  series: readonly number[],
  beyond: (number: number) => boolean,
  pick: (...numbers: number[]) => number,
): number {
  if (!finite(value)) {
    return value;
  }
  const magnitude = Math.floor(Math.log10(value)) - 2;
  const around = [magnitude - 1, magnitude, magnitude + 1].flatMap((exponent) =>
    series.map((number) => Number(`${number}e${exponent}`)),
  );
  return pick(...around.filter(beyond));
}
