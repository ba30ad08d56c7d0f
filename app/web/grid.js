// The images as a list box: one stop for Tab, arrows move inside it, what is chosen shows its actions beside it.

export class Grid {
  #element;
  #act;
  #tiles = [];
  #options = [];

  // act: { choose(tile), keep(tile), less(tile) }
  constructor(element, act) {
    this.#element = element;
    this.#act = act;
    element.addEventListener("keydown", (event) => this.#key(event));
    element.addEventListener("click", (event) => {
      const place = this.#options.indexOf(event.target.closest("[role=option]"));
      if (place >= 0) this.choose(place);
    });
  }

  // tiles: see tiles.js. The focus stays in the grid if it was there.
  show(tiles) {
    const focused = this.#element.contains(document.activeElement);
    this.#tiles = tiles;
    this.#options = tiles.map(option);
    this.#element.replaceChildren(...this.#options);
    if (this.#options.length) this.#options[0].tabIndex = 0;
    if (focused) this.#options[0]?.focus();
  }

  set busy(busy) {
    this.#element.setAttribute("aria-busy", busy);
  }

  // marks: (tile) -> { kept, less }
  mark(marks) {
    this.#tiles.forEach((tile, i) => {
      const { kept, less } = marks(tile);
      const option = this.#options[i];
      option.classList.toggle("kept", kept);
      option.classList.toggle("less", less);
      option.setAttribute("aria-label", [tile.title, kept && "kept", less && "less of this"].filter(Boolean).join(", "));
    });
  }

  choose(place) {
    this.unchoose();
    this.#move(place);
    this.#options[place].setAttribute("aria-selected", "true");
    this.#act.choose(this.#tiles[place]);
    this.#options[place].scrollIntoView({ block: "nearest" }); // on a phone the panel now covers half of the page
  }

  unchoose() {
    for (const option of this.#options) option.setAttribute("aria-selected", "false");
  }

  // Back to where the focus was last.
  focus() {
    this.#options.find((option) => option.tabIndex === 0)?.focus();
  }

  #move(place) {
    for (const option of this.#options) option.tabIndex = -1;
    this.#options[place].tabIndex = 0;
    this.#options[place].focus();
  }

  #key(event) {
    const place = this.#options.indexOf(document.activeElement);
    if (place < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const tile = this.#tiles[place];
    const last = this.#options.length - 1;
    const actions = {
      ArrowLeft: () => this.#move(Math.max(0, place - 1)),
      ArrowRight: () => this.#move(Math.min(last, place + 1)),
      ArrowUp: () => this.#move(place - this.#columns() < 0 ? place : place - this.#columns()),
      ArrowDown: () => this.#move(place + this.#columns() > last ? place : place + this.#columns()),
      Home: () => this.#move(0),
      End: () => this.#move(last),
      Enter: () => this.choose(place),
      " ": () => this.choose(place),
      k: () => this.#act.keep(tile),
      l: () => this.#act.less(tile),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  // As laid out now: the options in the first row.
  #columns() {
    const top = this.#options[0].offsetTop;
    const first = this.#options.findIndex((option) => option.offsetTop > top);
    return first < 0 ? this.#options.length : first;
  }
}

function option(tile) {
  const made = document.createElement("div");
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", "false");
  made.tabIndex = -1;
  const image = document.createElement("img");
  Object.assign(image, { src: tile.src, alt: "", width: tile.width, height: tile.height });
  made.append(image);
  return made;
}
