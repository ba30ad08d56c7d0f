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
let sought = null; // the view that was asked for last
let view = null; // the one that the page shows
let grown = null; // the view of seeds that it came from
let asking = new AbortController();

const form = new Form({
  submit: () => {
    if (form.key) service.key = form.key;
    go(form.read());
  },
  shuffle: () => go({ ...form.read(), seed: null }),
  upload,
  changed: (name) => {
    const onward = sought && sought.op !== "generate";
    if (onward && ["strength", "psi", "n"].includes(name)) go(adjusted(name));
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

// An interpolation has a number of frames of its own.
function adjusted(name) {
  if (name === "n" && sought.op === "interpolate") return sought;
  const value = name === "strength" ? form.strength : form.read()[name];
  return { ...sought, [name]: value };
}

// One question at a time: a newer one takes the place of the one before, which the service then gives up.
async function ask(op, question) {
  asking.abort();
  const own = (asking = new AbortController());
  grid.busy = true;
  try {
    await question(own.signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    form.show(error, op);
    element("said").textContent = "";
  }
  if (own === asking) grid.busy = false;
}

// Asks for a view and shows it; in the address, and so for the browser's Back, once it is there.
function go(wanted, { remember = true } = {}) {
  sought = wanted;
  form.fill(wanted); // now: when the answer is there, somebody may have typed on
  return ask(wanted.op, async (signal) => {
    const filmed = wanted.op === "interpolate";
    const accept = filmed ? "image/*" : "application/json";
    const { answer, timings } = await service.make(recipe(wanted, heightOf(wanted)), accept, signal);
    view = filmed ? showFilm(wanted, await answer.blob()) : showTiles(wanted, await answer.json());
    if (view.op === "generate") grown = view;
    if (!view.origin) history[remember ? "pushState" : "replaceState"](null, "", address.write(view));
    form.clear();
    if (view.op === "generate") form.drawn(view.seed);
    describe(timings);
  });
}

function upload(file) {
  const wanted = form.read();
  return ask("upload", async (signal) => {
    const origin = await service.reconstruct(file, wanted.model, wanted.labels[0], signal);
    await go(onward.variedUpload(origin, wanted));
  });
}

function showTiles(wanted, made) {
  const shown = { ...wanted, seed: wanted.seed ?? made.images[0].seed };
  film.hide();
  grid.show(tiles(shown, made));
  element("grid").hidden = false;
  panel.show(null);
  mark();
  return shown;
}

function showFilm(wanted, blob) {
  film.show(blob, title(wanted), wanted.moving);
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
  element("copy-link").hidden = Boolean(view.origin);
  element("origin").hidden = !view.origin;
  if (view.origin) element("origin-image").src = `data:image/png;base64,${view.origin.b64_png}`;
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
