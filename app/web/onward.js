// Views that go on from others, or from an image and its family: the seeds of the kept images of its model.

import { STRENGTH } from "./address.js";

const FRAMES = 12; // of an interpolation, for each of its seeds
const MOST_FRAMES = 240;
const MOST_SEEDS = 64; // that POST /evolve and /interpolate take
const SEEDS = 2 ** 32;

// kept: seeds. The image's own comes first, and each stands once.
export function family(tile, kept) {
  return [...new Set([tile.seed, ...kept])].slice(0, MOST_SEEDS);
}

// form: a view of op generate, for psi and n.
export function varied(tile, form) {
  return { ...from(tile, form), op: "vary", seed: tile.seed, from: null, strength: STRENGTH.vary };
}

// less: tiles of which less is wanted, of any model.
export function evolved(tile, liked, less, form) {
  const unwanted = less.filter(({ model }) => model === tile.model).map(({ seed }) => seed);
  const disliked = [...new Set(unwanted)].filter((seed) => !liked.includes(seed)).slice(0, MOST_SEEDS);
  return { ...from(tile, form), op: "evolve", liked, disliked, seed: null, strength: STRENGTH.evolve };
}

export function interpolated(tile, seeds, form) {
  const moving = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const n = Math.min(FRAMES * seeds.length, MOST_FRAMES);
  return { ...from(tile, form), op: "interpolate", seeds, n, moving };
}

// Around an uploaded image. origin: what POST /reconstruct answered.
export function variedUpload(origin, form) {
  return { ...from(origin, form), op: "vary", origin, from: 0, strength: STRENGTH.vary };
}

// Other variations, or other children.
export function others(view) {
  if (view.op === "vary") return { ...view, from: ((view.from ?? view.seed + 1) + view.n) % SEEDS };
  return { ...view, seed: crypto.getRandomValues(new Uint32Array(1))[0] };
}

// The images from the first seed that a view came from.
export function seedsOf(view, form) {
  const seed = { vary: view.seed, evolve: view.liked?.[0], interpolate: view.seeds?.[0] }[view.op];
  return { ...form, model: view.model, seed };
}

const from = ({ model, label }, { psi, n }) => ({ model, label, psi, n });
