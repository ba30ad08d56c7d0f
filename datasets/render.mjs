// An SVG drawing as a PNG file of `size` pixels a side; nothing to do if the file is there.
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { Resvg } from "@resvg/resvg-js";

export function render(file, size, svg) {
  if (existsSync(file)) return;
  // By rename: an interrupted run leaves whole images only, and the next one goes on from there.
  writeFileSync(`${file}.partial`, new Resvg(svg(), { fitTo: { mode: "width", value: size } }).render().asPng());
  renameSync(`${file}.partial`, file);
}
