import sharp from "sharp";
import type { SeedPerson } from "./content";
import { randomOf, type Random } from "./random";

const TILE = 256;
/** A quarter, a half, a leaf and an arch, each within one tile. */
const FORMS = [
  "M 0 0 H 256 A 256 256 0 0 1 0 256 Z",
  "M 0 0 H 256 A 128 128 0 0 1 0 0 Z",
  "M 0 0 H 128 A 128 128 0 0 1 256 128 V 256 H 128 A 128 128 0 0 1 0 128 Z",
  "M 0 256 V 128 A 128 128 0 0 1 256 128 V 256 Z",
];
const COVER = { width: 1600, height: 400 };

/** Writes four tiles of round forms in the person's colours, as WebP. */
export async function drawAvatar(person: SeedPerson, path: string): Promise<void> {
  const random = randomOf(`avatar ${person.username}`);
  const grounds = random.some(person.colours, 4);
  const tiles = grounds.map((ground, n) => {
    const [x, y] = [(n % 2) * TILE, Math.floor(n / 2) * TILE];
    const others = person.colours.filter((colour) => colour !== ground);
    const [form, dot] = random.some(others, 2);
    const turn = 90 * random.between(0, 3);
    return `<g transform="translate(${x} ${y}) rotate(${turn} ${TILE / 2} ${TILE / 2})">
      <rect width="${TILE + 1}" height="${TILE + 1}" fill="${ground}"/>
      <path d="${random.pick(FORMS)}" fill="${form}"/>
      <circle cx="78" cy="78" r="${random.between(20, 44)}" fill="${dot}"/>
    </g>`;
  });
  await write(path, svg(2 * TILE, 2 * TILE, tiles.join("")));
}

/** Writes a landscape of hills in the person's colours, as WebP. */
export async function drawCover(person: SeedPerson, path: string): Promise<void> {
  const random = randomOf(`cover ${person.username}`);
  const [dark, strong, soft, light] = person.colours;
  const { width, height } = COVER;
  const sun = random.between(200, width - 200);
  const hills = [0.35, 0.55, 0.8].map((opacity, layer) => hill(random, layer, dark, opacity));
  await write(
    path,
    svg(
      width,
      height,
      `${gradient("sky", [strong, soft, light], 90)}
      <rect width="${width}" height="${height}" fill="url(#sky)"/>
      <circle cx="${sun}" cy="${random.between(90, 200)}" r="${random.between(40, 90)}" fill="${light}" opacity="0.85"/>
      ${bubbles(random, light, width, height / 2, 12)}
      ${hills.join("\n")}`,
    ),
  );
}

function hill(random: Random, layer: number, colour: string, opacity: number): string {
  const { width, height } = COVER;
  const base = height * (0.5 + layer * 0.16);
  const step = width / 4;
  const points = Array.from({ length: 5 }, () => base - random.between(0, 70));
  const curve = points
    .map((y, n) => (n === 0 ? `M 0 ${y}` : `S ${n * step - step / 2} ${y} ${n * step} ${y}`))
    .join(" ");
  return `<path d="${curve} V ${height} H 0 Z" fill="${colour}" opacity="${opacity}"/>`;
}

function bubbles(random: Random, colour: string, width: number, height: number, count: number) {
  return Array.from(
    { length: count },
    () =>
      `<circle cx="${random.between(0, width)}" cy="${random.between(0, height)}" r="${random.between(6, 60)}" fill="${colour}" opacity="${(0.06 + random.next() * 0.16).toFixed(2)}"/>`,
  ).join("");
}

function gradient(id: string, colours: readonly string[], degrees: number): string {
  const stops = colours.map(
    (colour, n) => `<stop offset="${n / (colours.length - 1)}" stop-color="${colour}"/>`,
  );
  return `<linearGradient id="${id}" gradientTransform="rotate(${degrees} 0.5 0.5)">${stops.join("")}</linearGradient>`;
}

function svg(width: number, height: number, content: string): Buffer {
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${content}</svg>`,
  );
}

async function write(path: string, image: Buffer): Promise<void> {
  await sharp(image).webp({ quality: 86 }).toFile(path);
}
