// Views and images in words.

export function title(view) {
  if (view.op === "vary") return view.origin ? "Variations of your image" : `Variations of seed ${view.seed}`;
  if (view.op === "interpolate") return `From seed ${view.seeds.join(" to ")}, and back`;
  if (view.op === "generate") return view.n === 1 ? `Seed ${view.seed}` : `${view.n} images from seed ${view.seed}`;
  const away = view.disliked.length ? `, away from ${view.disliked.join(", ")}` : "";
  return `Children of ${view.liked.join(", ")}${away}`;
}

export function named(view, seed) {
  if (view.op === "vary") return `Variation ${seed} of ${view.origin ? "your image" : view.seed}`;
  return view.op === "evolve" ? `Child ${seed}` : `Seed ${seed}`;
}

// milliseconds, from service.js
export function took({ total, queue, infer, encode }) {
  const parts = { queued: queue, computed: infer, encoded: encode };
  const known = Object.entries(parts).filter(([, time]) => time !== undefined);
  return `${total.toFixed(0)} ms: ${known.map(([name, time]) => `${time.toFixed(1)} ${name}`).join(", ")}`;
}
