// The page: makes its parts, and takes every change of view through one function.

import * as address from "./address.js";
import { copy } from "./copy.js";
import { Film } from "./film.js";
import { Form } from "./form.js";
import { Grid } from "./grid.js";
import { Live } from "./live.js";
import * as onward from "./onward.js";
import { Panel } from "./panel.js";
import { curl, recipe } from "./recipes.js";
import { Problem, Service } from "./service.js";
import { Shelf } from "./shelf.js";
import { tiles } from "./tiles.js";
import { title, took } from "./titles.js";

const START = 24; // images at first

const element = (id) => document.getElementById(id);

const service = new Service();
const less = new Map(); // id -> tile of which less is wanted
let models = [];
let view = null; // what the page shows
let grown = null; // the view of seeds that it came from
let asking = new AbortController();

const form = new Form({
  submit: () => {
    if (form.key) service.key = form.key;
    go(form.read());
  },
  shuffle: () => go({ ...form.read(), seed: null }),
  changed: (name) => {
    if (name === "strength") go({ ...view, strength: form.strength });
    else if (view && view.op !== "generate" && (name === "psi" || name === "n")) go(adjusted(name));
    else go(form.read());
  },
});

const grid = new Grid(element("grid"), { choose, keep, less: wantLess });
const film = new Film();
const panel = new Panel({
  keep,
  less: wantLess,
  close,
  vary: (tile) => go(onward.varied(tile, form.read())),
  evolve: (tile) => go(onward.evolved(tile, family(tile), [...less.values()], form.read())),
  interpolate: (tile) => go(onward.interpolated(tile, family(tile), form.read())),
});
const shelf = new Shelf({ choose, changed: mark });

// Only interpolations have a number of frames, which the field for images leaves alone.
function adjusted(name) {
  const { psi, n } = form.read();
  return name === "psi" ? { ...view, psi } : { ...view, n: view.op === "interpolate" ? view.n : n };
}

// Asks for a view and shows it; in the address, and so for the browser's Back, once it is there.
async function go(wanted, { remember = true } = {}) {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  grid.busy = true;
  form.fill(wanted); // now: when the answer is there, somebody may have typed on
  try {
    const filmed = wanted.op === "interpolate";
    const accept = filmed ? "image/*" : "application/json";
    const { answer, timings } = await service.make(recipe(wanted, heightOf(wanted)), accept, signal);
    const shown = filmed ? await showFilm(wanted, answer) : await showTiles(wanted, answer);
    if (signal.aborted) return;
    view = shown;
    if (view.op === "generate") grown = view;
    history[remember ? "pushState" : "replaceState"](null, "", address.write(view));
    form.clear();
    if (view.op === "generate") form.drawn(view.seed);
    describe(timings);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    form.show(error, wanted.op);
    element("said").textContent = "";
  }
  grid.busy = false;
}

async function showTiles(wanted, answer) {
  const made = await answer.json();
  const shown = { ...wanted, seed: wanted.seed ?? made.images[0].seed };
  film.hide();
  grid.show(tiles(shown, made));
  element("grid").hidden = false;
  panel.show(null);
  mark();
  return shown;
}

async function showFilm(wanted, answer) {
  film.show(await answer.blob(), title(wanted), wanted.moving);
  grid.show([]);
  element("grid").hidden = true;
  panel.show(null);
  return wanted;
}

function describe(timings) {
  const { op } = view;
  element("title").textContent = title(view);
  element("back").hidden = op === "generate";
  element("others").hidden = op !== "vary" && op !== "evolve";
  element("motion").hidden = op !== "interpolate";
  element("motion").textContent = view.moving ? "Show the frames" : "Show it moving";
  element("keys").hidden = op === "interpolate";
  const n = op === "interpolate" ? `${view.n} frames` : view.n === 1 ? "1 image" : `${view.n} images`;
  element("said").textContent = `${n} in ${took(timings)}.`;
}

// What is done with an image

function choose(tile) {
  panel.show(tile, service.hasKey);
  mark();
}

function close() {
  grid.unchoose();
  panel.show(null);
  grid.focus();
}

function keep(tile) {
  shelf.toggle(tile);
}

function wantLess(tile) {
  if (!tile.own) return;
  if (!less.delete(tile.id)) less.set(tile.id, tile);
  mark();
}

function mark() {
  const marks = (tile) => ({ kept: shelf.has(tile), less: less.has(tile.id) });
  grid.mark(marks);
  const { tile } = panel;
  if (tile) panel.mark({ ...marks(tile), others: family(tile).length - 1 });
}

function family(tile) {
  return onward.family(tile, shelf.seeds(tile.model));
}

// The start

const modelNamed = (text) => models.find(({ ref }) => ref === text) ?? models.findLast(({ name }) => name === text);
const heightOf = ({ model }) => modelNamed(model)?.image.height ?? 64;

function fromAddress() {
  const read = address.read(location.hash, { model: (models.find((model) => model.default) ?? models[0]).ref, n: START });
  return { ...read, model: modelNamed(read.model)?.ref ?? read.model };
}

// When the service is ready; not again when it is ready again.
async function start() {
  if (models.length) return;
  ({ models } = await service.models());
  form.models = models;
  go(fromAddress(), { remember: false });
}

element("back").addEventListener("click", () => go(grown ?? onward.seedsOf(view, form.read())));
element("others").addEventListener("click", () => go(onward.others(view)));
element("motion").addEventListener("click", () => go({ ...view, moving: !view.moving }));
element("copy-link").addEventListener("click", ({ target }) => copy(location.href, target));
element("copy-all").addEventListener("click", ({ target }) => {
  const file = view.op === "interpolate" && view.moving ? "interpolation.webp" : "images.png";
  copy(curl(recipe(view, heightOf(view)), file, service.hasKey), target);
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address behind the # is the view
  grid.focus();
});
addEventListener("popstate", () => go(fromAddress(), { remember: false }));
panel.show(null);
new Live(service, start).start();
