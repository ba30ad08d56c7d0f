// An answer as tiles: an image with all that can be done with it.
//
// A tile has src (a data URL), width, height, title, file (a name to save it by), model, seed, own (the seed alone gives
// it; variations and children need more than that), label (its class), recipe and url (what makes it alone; no url gives what began with an upload), and id.

import * as address from "./address.js";
import { alone, imageURL, labelAt, viewAlone } from "./recipes.js";
import { named } from "./titles.js";

export function tiles(view, answer) {
  return answer.images.map(({ seed, label, b64_png: png }, i) => {
    const asked = labelAt(view, i);
    const own = view.op === "generate";
    const recipe = alone(view, seed, asked);
    const page = view.origin ? "" : new URL(address.write(viewAlone(view, seed, asked)), document.baseURI).href;
    return {
      src: `data:image/png;base64,${png}`,
      width: answer.width,
      height: answer.height,
      title: [named(view, seed), label].filter(Boolean).join(", "),
      file: `${view.model.replace("@", "-")}-${own ? "" : `${view.op}-`}${seed}.png`,
      model: view.model,
      seed,
      own,
      label,
      recipe,
      url: own ? imageURL(view, seed, asked) : page,
      id: JSON.stringify(recipe),
    };
  });
}
