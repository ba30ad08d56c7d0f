// The service now: ready or not, images that wait, images a second. Read from /metrics while somebody looks at the page.

const EVERY_MS = 2000;

const element = (id) => document.getElementById(id);

export class Live {
  #service;
  #whenReady;
  #before = null;

  // whenReady: called when the service has become ready, the first time included.
  constructor(service, whenReady) {
    this.#service = service;
    this.#whenReady = whenReady;
    document.addEventListener("visibilitychange", () => document.hidden || this.#look());
  }

  async start() {
    if (!document.hidden) await this.#look();
    setTimeout(() => this.start(), EVERY_MS);
  }

  async #look() {
    let text;
    try {
      text = await this.#service.metrics();
    } catch {
      this.#show("does not answer", false, "–", "–");
      this.#before = null;
      return;
    }
    const now = { at: performance.now(), made: sum(text, "tessera_images_generated_total") };
    const rate = this.#before && ((now.made - this.#before.made) / (now.at - this.#before.at)) * 1000;
    const ready = sum(text, "tessera_ready") === 1;
    const waiting = sum(text, "tessera_queue_images");
    this.#show(ready ? "ready" : "not ready", ready, `${waiting} images`, rate === null ? "–" : `${Math.round(rate)}/s`);
    if (ready && !this.#before?.ready) this.#whenReady();
    this.#before = { ...now, ready };
  }

  #show(state, ready, waiting, rate) {
    element("state").textContent = state;
    element("state").dataset.ready = ready;
    element("waiting").textContent = waiting;
    element("rate").textContent = rate;
  }
}

// Of one metric, over all its labels.
function sum(text, name) {
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
}
