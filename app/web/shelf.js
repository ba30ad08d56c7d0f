// What was kept: tiles, the newest first, remembered by this browser.

import { zip } from "./zip.js";

const KEPT = "tessera-kept";
const MOST = 64; // as many as POST /evolve takes

const element = (id) => document.getElementById(id);

export class Shelf {
  #tiles = remembered();
  #changed;

  // act: { choose(tile), changed() }
  constructor(act) {
    this.#changed = act.changed;
    element("shelf-list").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) act.choose(this.#tiles[Number(button.dataset.place)]);
    });
    element("shelf-clear").addEventListener("click", () => this.#set([]));
    element("shelf-save").addEventListener("click", () => this.#save());
    this.#draw();
  }

  has(tile) {
    return this.#tiles.some((kept) => kept.id === tile.id);
  }

  // Of this model, those that a seed alone gives.
  seeds(model) {
    return this.#tiles.filter((tile) => tile.own && tile.model === model).map((tile) => tile.seed);
  }

  toggle(tile) {
    const others = this.#tiles.filter((kept) => kept.id !== tile.id);
    this.#set(others.length < this.#tiles.length ? others : [tile, ...others].slice(0, MOST));
  }

  #set(tiles) {
    this.#tiles = tiles;
    try {
      localStorage.setItem(KEPT, JSON.stringify(tiles));
    } catch {
      // Full or forbidden: kept until the page closes.
    }
    this.#draw();
    this.#changed();
  }

  #draw() {
    element("shelf-list").replaceChildren(...this.#tiles.map(entry));
    element("shelf-empty").hidden = this.#tiles.length > 0;
    element("shelf-actions").hidden = this.#tiles.length === 0;
  }

  async #save() {
    const names = this.#tiles.map((tile, i) => `${String(i).padStart(2, "0")}-${tile.file}`);
    const rows = this.#tiles.map(({ seed, label, recipe }, i) => ({ file_name: names[i], seed, label, ...recipe }));
    const files = this.#tiles.map(({ src }, i) => [names[i], Uint8Array.from(atob(src.split(",")[1]), (c) => c.charCodeAt(0))]);
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(zip([...files, ["metadata.jsonl", new TextEncoder().encode(lines)]]));
    link.download = "kept.zip";
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

function entry(tile, place) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", title: `${tile.title} (${tile.model})` });
  button.dataset.place = place;
  button.setAttribute("aria-label", `${tile.title}, ${tile.model}`);
  const image = document.createElement("img");
  Object.assign(image, { src: tile.src, alt: "", width: tile.width, height: tile.height });
  button.append(image);
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? [];
  } catch {
    return [];
  }
}
