// Questions to the service. Errors are Problem objects (RFC 9457), whatever went wrong.

const KEY = "tessera-key";

export class Problem extends Error {
  // errors: [{ field, message }], empty when no field is at fault.
  constructor(status, { detail, code = "", errors = [], retry_after: retryAfter = null }) {
    super(detail);
    Object.assign(this, { status, code, errors, retryAfter });
  }
}

export class Service {
  #key = sessionStorage.getItem(KEY) ?? "";

  get hasKey() {
    return this.#key !== "";
  }

  // For this tab only; never part of an address.
  set key(key) {
    this.#key = key;
    sessionStorage.setItem(KEY, key);
  }

  // A recipe, and the media type wanted -> { answer: Response, timings: { total, queue, infer, encode } in milliseconds }.
  async make({ path, body }, accept, signal) {
    const began = performance.now();
    const headers = { Accept: accept, "Content-Type": "application/json", ...this.#credentials() };
    const answer = await this.#fetch(path, { method: "POST", body: JSON.stringify(body), headers, signal });
    return { answer, timings: { total: performance.now() - began, ...timings(answer.headers.get("server-timing")) } };
  }

  // An image file -> its code, and the image that the model makes of it. label: undefined where there is none.
  async reconstruct(file, model, label, signal) {
    const body = new FormData();
    const fields = { image: file, model, format: "json", ...(label === undefined ? {} : { label }) };
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    return (await this.#fetch("reconstruct", { method: "POST", body, headers: this.#credentials(), signal })).json();
  }

  async models() {
    return (await this.#fetch("models")).json();
  }

  async metrics() {
    return (await this.#fetch("metrics")).text();
  }

  async #fetch(path, options = {}) {
    let answer;
    try {
      answer = await fetch(new URL(path, document.baseURI), options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, { detail: "The service does not answer." });
    }
    if (answer.ok) return answer;
    const isProblem = answer.headers.get("content-type")?.startsWith("application/problem+json");
    throw new Problem(answer.status, isProblem ? await answer.json() : { detail: `The answer was HTTP ${answer.status}.` });
  }

  #credentials() {
    return this.#key ? { "X-API-Key": this.#key } : {};
  }
}

// `queue;dur=1.20, infer;dur=3.41` -> { queue: 1.2, infer: 3.41 }
function timings(header) {
  const parts = [...(header ?? "").matchAll(/(\w+);dur=([\d.]+)/g)];
  return Object.fromEntries(parts.map(([, name, milliseconds]) => [name, Number(milliseconds)]));
}
