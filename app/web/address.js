// The view (what is asked for) in the address behind the #, and back: a colleague with the link sees the same images.
//
// A view has op, model, psi and n, and
//   generate     labels (asked for in turns; none: drawn by each seed), seed (null: the service draws one)
//   vary         seed (what to stay near), from (the first variation's seed, null: the next one), strength, label;
//                or, of an uploaded image, origin (what POST /reconstruct answered), which no address can hold
//   evolve       liked, disliked, seed (the first child's, null: drawn from both lists), strength, label
//   interpolate  seeds, moving (an animation, or its frames), label

export const STRENGTH = { vary: 0.3, evolve: 0.2 };

// What is no number stays text: the service then says what is wrong with it, beside the field.
export const number = (text) => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
const orNull = (text) => (text === null || text.trim() === "" ? null : number(text));
const list = (text) => (text === null || text === "" ? [] : text.split(",").map(number));

export function read(hash, start) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const value = (name, otherwise) => (given.has(name) ? number(given.get(name)) : otherwise);
  const view = { model: given.get("model") ?? start.model, psi: value("psi", 1), n: value("n", start.n) };
  const label = given.get("label");
  if (given.has("vary")) {
    const strength = value("strength", STRENGTH.vary);
    return { op: "vary", ...view, seed: value("vary"), from: orNull(given.get("from")), strength, label };
  }
  if (given.has("evolve")) {
    const [liked, disliked] = [list(given.get("evolve")), list(given.get("less"))];
    const strength = value("strength", STRENGTH.evolve);
    return { op: "evolve", ...view, liked, disliked, seed: orNull(given.get("seed")), strength, label };
  }
  if (given.has("interpolate")) {
    return { op: "interpolate", ...view, seeds: list(given.get("interpolate")), moving: !given.has("frames"), label };
  }
  return { op: "generate", ...view, labels: given.getAll("label"), seed: orNull(given.get("seed")) };
}

export function write(view) {
  const put = new URLSearchParams({ model: view.model });
  if (view.op === "vary") put.set("vary", view.seed);
  if (view.op === "vary" && view.from !== null) put.set("from", view.from);
  if (view.op === "evolve") put.set("evolve", view.liked.join(","));
  if (view.op === "evolve" && view.disliked.length) put.set("less", view.disliked.join(","));
  if (view.op === "interpolate") put.set("interpolate", view.seeds.join(","));
  if (view.op === "interpolate" && !view.moving) put.set("frames", "1");
  if (["generate", "evolve"].includes(view.op) && view.seed !== null) put.set("seed", view.seed);
  put.set("n", view.n);
  if (view.psi !== 1) put.set("psi", view.psi);
  if ("strength" in view && view.strength !== STRENGTH[view.op]) put.set("strength", view.strength);
  for (const label of view.labels ?? (view.label ? [view.label] : [])) put.append("label", label);
  return `#${put.toString().replaceAll("%2C", ",").replaceAll("%40", "@")}`;
}
