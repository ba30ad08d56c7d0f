// Renders aligned 64x64 RGB portraits from two CC0 designs, one folder a design:
//   node avatars.mjs OUT COUNT_PER_STYLE
// The n-th image of a style is fixed by the seed string `${style}-${n}`, so the set can be made again.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createAvatar } from "@dicebear/core";
import * as openPeeps from "@dicebear/open-peeps";
import * as pixelArt from "@dicebear/pixel-art";
import { render } from "./render.mjs";

const SIZE = 64;
const BACKGROUND = "e8eef7";
// Bust and head are enlarged until they fill the square alike in every image: alignment is what a small model learns from.
const STYLES = {
  "open-peeps": { style: openPeeps, options: { scale: 90, translateY: 4, maskProbability: 0 } },
  "pixel-art": { style: pixelArt, options: {} },
};

const [out, count] = [process.argv[2], Number(process.argv[3])];
if (!out || !Number.isInteger(count) || count < 1) {
  console.error("usage: node avatars.mjs OUT COUNT_PER_STYLE");
  process.exit(2);
}
for (const [name, { style, options }] of Object.entries(STYLES)) {
  mkdirSync(join(out, name), { recursive: true });
  for (let n = 0; n < count; n++) {
    const file = join(out, name, `${String(n).padStart(5, "0")}.png`);
    const drawn = { ...options, seed: `${name}-${n}`, backgroundColor: [BACKGROUND] };
    render(file, SIZE, () => createAvatar(style, drawn).toString());
  }
}
