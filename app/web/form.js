// What to make: reads the fields, fills them from a view, and shows what is wrong beside the field that it is about.

import { number } from "./address.js";

// A field of the service -> the field of the page.
const FIELDS = {
  model: "model",
  label: "labels",
  labels: "labels",
  seed: "seed",
  truncation_psi: "psi",
  n: "n",
  strength: "strength",
  image: "upload",
};

const element = (id) => document.getElementById(id);
const boxes = () => [...element("labels").querySelectorAll("input")];

export class Form {
  #models = [];

  // act: { submit(), shuffle(), upload(file), changed(name) with name one of model, labels, psi, n, strength }
  constructor(act) {
    element("ask").addEventListener("submit", (event) => {
      event.preventDefault();
      act.submit();
    });
    element("shuffle").addEventListener("click", () => act.shuffle());
    element("model").addEventListener("change", () => {
      this.#drawModel();
      act.changed("model");
    });
    element("labels").addEventListener("change", () => act.changed("labels"));
    element("n").addEventListener("change", () => act.changed("n"));
    element("upload").addEventListener("change", ({ target }) => {
      if (target.files.length) act.upload(target.files[0]);
      target.value = ""; // so that the same file can be chosen again
    });
    for (const name of ["psi", "strength"]) {
      element(name).addEventListener("input", () => this.#drawValue(name));
      element(name).addEventListener("change", () => act.changed(name));
    }
  }

  set models(models) {
    this.#models = models;
    element("model").replaceChildren(...models.map(({ ref }) => new Option(ref, ref)));
    this.#drawModel();
  }

  // The fields as a view of op generate.
  read() {
    const chosen = boxes().filter(({ checked }) => checked);
    return {
      op: "generate",
      model: element("model").value,
      labels: chosen.map((box) => box.value),
      seed: element("seed").value.trim() === "" ? null : number(element("seed").value),
      psi: Number(element("psi").value),
      n: number(element("n").value),
    };
  }

  get strength() {
    return Number(element("strength").value);
  }

  get key() {
    return element("key").value.trim();
  }

  // Fields that the view does not have stay as they are.
  fill(view) {
    if (element("model").value !== view.model) {
      element("model").value = view.model;
      this.#drawModel();
    }
    this.#slide("psi", view.psi);
    if (view.op !== "interpolate") element("n").value = view.n;
    if (view.op === "generate") {
      element("seed").value = view.seed ?? "";
      for (const box of boxes()) box.checked = view.labels.includes(box.value);
    }
    element("field-strength").hidden = !("strength" in view);
    if ("strength" in view) this.#slide("strength", view.strength);
  }

  // The seed that the service drew, unless another one was typed meanwhile.
  drawn(seed) {
    if (element("seed").value === "") element("seed").value = seed;
  }

  clear() {
    for (const text of document.querySelectorAll(".error")) text.textContent = "";
    for (const field of document.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  }

  // problem: see service.js. op: of the view that it answers (only generate's seed is the seed of the form), or upload.
  show(problem, op) {
    this.clear();
    if (problem.status === 401) return this.#askForKey(problem.message);
    const elsewhere = op === "upload" ? "upload" : "all";
    for (const { field, message } of problem.errors) {
      const name = FIELDS[field.split(".")[0]];
      if (name && (name !== "seed" || op === "generate")) this.#mark(name, message);
      else this.#mark(elsewhere, field ? `${field}: ${message}` : message);
    }
    if (problem.errors.length === 0) this.#mark(elsewhere, problem.message + again(problem.retryAfter));
    document.querySelector("[aria-invalid]")?.focus();
  }

  #askForKey(message) {
    element("field-key").hidden = false;
    this.#mark("key", message);
    element("key").focus();
  }

  // Each of several labels may have something wrong with it, and often the same.
  #mark(name, message) {
    const text = element(`error-${name}`);
    if (!text.textContent.includes(message)) text.textContent += (text.textContent ? "; " : "") + message;
    const field = name === "labels" ? boxes()[0] : element(name);
    field?.setAttribute("aria-invalid", "true");
  }

  // Sliders hold numbers and nothing else.
  #slide(name, value) {
    if (typeof value === "number") element(name).value = value;
    this.#drawValue(name);
  }

  #drawValue(name) {
    element(`${name}-value`).textContent = Number(element(name).value).toFixed(2);
  }

  #drawModel() {
    const model = this.#models.find(({ ref }) => ref === element("model").value);
    const classes = model?.classes ?? [];
    element("field-upload").hidden = !model?.capabilities.includes("encode");
    element("field-labels").hidden = classes.length === 0;
    element("labels").replaceChildren(...classes.map(chip));
  }
}

function chip(name) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  Object.assign(box, { type: "checkbox", name: "label", value: name });
  box.setAttribute("aria-describedby", "error-labels");
  label.append(box, name);
  return label;
}

const again = (seconds) => (seconds === null ? "" : ` Try again in ${seconds} s.`);
