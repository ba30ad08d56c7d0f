// The chosen image and what can be done with it.

import { copy } from "./copy.js";
import { curl } from "./recipes.js";

const element = (id) => document.getElementById(id);
const GOING_ON = ["vary", "evolve", "interpolate"];

export class Panel {
  #tile = null;

  // act: { keep, less, vary, evolve, interpolate }, each called with the tile, and close()
  constructor(act) {
    for (const name of ["keep", "less", ...GOING_ON]) {
      element(name).addEventListener("click", () => {
        if (element(name).getAttribute("aria-disabled") !== "true") act[name](this.#tile);
      });
    }
    element("close").addEventListener("click", () => act.close());
    element("panel").addEventListener("keydown", (event) => event.key === "Escape" && this.#tile && act.close());
    for (const button of document.querySelectorAll("[data-copies]")) {
      const field = element(button.dataset.copies);
      button.addEventListener("click", () => copy(field.value, button, field));
    }
  }

  get tile() {
    return this.#tile;
  }

  // withKey: the service asks for API keys.
  show(tile, withKey) {
    this.#tile = tile;
    element("panel-empty").hidden = tile !== null;
    element("panel-full").hidden = tile === null;
    element("panel").classList.toggle("open", tile !== null);
    element("panel-title").textContent = tile?.title ?? "No image chosen";
    if (tile === null) return;
    Object.assign(element("panel-image"), { src: tile.src, alt: tile.title, width: tile.width, height: tile.height });
    Object.assign(element("save"), { href: tile.src, download: tile.file });
    element("own-seed").value = tile.seed;
    element("own-url").value = tile.url;
    element("url").hidden = tile.url === "";
    element("own-curl").value = curl(tile.recipe, tile.file, withKey);
  }

  // kept: is it, less: is less of it wanted, others: how many other kept images go with it.
  mark({ kept, less, others }) {
    if (this.#tile === null) return;
    element("keep").setAttribute("aria-pressed", kept);
    element("less").setAttribute("aria-pressed", less);
    for (const name of GOING_ON) {
      const possible = this.#tile.own && (name !== "interpolate" || others > 0);
      element(name).setAttribute("aria-disabled", !possible);
    }
    element("less").hidden = !this.#tile.own;
    element("why").textContent = why(this.#tile, others);
  }
}

function why({ own, url }, others) {
  if (!url) return "It began with your image: its curl line says all of it.";
  if (!own) return "More than a seed makes this image: its URL leads to this page, its curl line says all of it.";
  if (others === 0) return "Evolve and Interpolate take the kept images in: keep one more to interpolate.";
  return `Evolve and Interpolate take in the ${others === 1 ? "other kept image" : `${others} other kept images`}.`;
}
