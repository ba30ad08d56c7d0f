// Renders every game icon in black on white, 64x64, into one folder, in the order of their names:
//   node icons.mjs OUT
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { render } from "./render.mjs";

const SIZE = 64;

const out = process.argv[2];
if (!out) {
  console.error("usage: node icons.mjs OUT");
  process.exit(2);
}
const source = fileURLToPath(import.meta.resolve("@iconify-json/game-icons/icons.json"));
const { icons, width, height } = JSON.parse(readFileSync(source, "utf8"));
mkdirSync(out, { recursive: true });
for (const [name, { body }] of Object.entries(icons)) {
  const svg = () =>
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" color="#000">` +
    `<rect width="${width}" height="${height}" fill="#fff"/>${body}</svg>`;
  render(join(out, `${name}.png`), SIZE, svg);
}
