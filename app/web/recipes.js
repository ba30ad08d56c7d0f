// From a view to the request that answers it, and for each image the request that makes it alone.
//
// A recipe is { path, body }. Fields that say what the service does anyway are left out, so that curl lines stay short.

const PATHS = { generate: "generate", vary: "variations", evolve: "evolve", interpolate: "interpolate" };
const MOST = 1024; // images that any service makes in one request: no list of labels need be longer
const SENT = 128; // pixels: about how high an interpolation is sent
const COLUMNS = 6; // of its frames

// height: of the model's images.
export function recipe(view, height) {
  const first = view.op === "vary" ? view.from : view.seed ?? null;
  const label = view.op === "generate" ? labels(view) : given("label", view.label);
  const form = view.op === "interpolate" ? film(view, height) : {};
  const body = { model: view.model, n: view.n, ...label, ...calmed(view), ...asked(view), ...drawn(view, first), ...form };
  return { path: PATHS[view.op], body };
}

// `seed` is the image's own as the answer tells it, `label` the class that the view asked for at its place.
export function alone(view, seed, label) {
  const one = view.op === "generate" ? {} : { n: 1 };
  const shared = { model: view.model, ...one, ...given("label", label), ...calmed(view) };
  return { path: PATHS[view.op], body: { ...shared, ...asked(view), ...drawn(view, seed), padding: 0 } };
}

// The view that shows this one image.
export function viewAlone(view, seed, label) {
  if (view.op === "vary") return { ...view, from: seed, n: 1 };
  if (view.op === "evolve") return { ...view, seed, n: 1 };
  return { ...view, seed, n: 1, labels: label === null ? [] : [label] };
}

export function imageURL(view, seed, label) {
  const url = new URL(`seeds/${encodeURIComponent(view.model).replaceAll("%40", "@")}/${seed}.png`, document.baseURI);
  if (label !== null) url.searchParams.set("label", label);
  if (view.psi !== 1) url.searchParams.set("psi", view.psi);
  return url.href;
}

// The class that a view asks for at a place; null: whatever the seed draws.
export function labelAt(view, place) {
  if (view.op !== "generate") return view.label;
  return view.labels.length ? view.labels[place % view.labels.length] : null;
}

// withKey: the service asks for an API key. It is not written out: such lines are sent to colleagues.
export function curl({ path, body }, file, withKey) {
  const words = ["curl", "-H", quoted("Content-Type: application/json")];
  if (withKey) words.push("-H", quoted("X-API-Key: KEY"));
  words.push("-d", quoted(JSON.stringify(body)), "-o", file, quoted(new URL(path, document.baseURI).href));
  return words.join(" ");
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const given = (name, value) => (value === null ? {} : { [name]: value });
const calmed = ({ psi }) => (psi === 1 ? {} : { truncation_psi: psi });
const drawn = ({ op }, seed) => given(op === "vary" ? "variation_seed" : "seed", seed);

function asked(view) {
  const { op, seed, strength, liked, disliked, seeds, origin } = view;
  if (op === "vary") return { ...(origin ? { code: origin.code } : { seed }), strength };
  if (op === "evolve") return { liked, ...(disliked.length ? { disliked } : {}), strength };
  return op === "interpolate" ? { seeds, loop: true } : {};
}

function film({ moving }, height) {
  const form = moving ? { layout: "animation" } : { layout: "grid", columns: COLUMNS, padding: 0 };
  return { ...form, scale: Math.min(16, Math.max(1, Math.round(SENT / height))) };
}

function labels(view) {
  if (view.labels.length < 2) return given("label", labelAt(view, 0));
  return { labels: Array.from({ length: Math.min(view.n, MOST) || 0 }, (_, i) => labelAt(view, i)) };
}
