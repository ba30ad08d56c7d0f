// An interpolation: one picture, moving or as its frames.

const element = (id) => document.getElementById(id);

export class Film {
  #url = "";

  show(blob, title, moving) {
    this.hide();
    this.#url = URL.createObjectURL(blob);
    Object.assign(element("film-image"), { src: this.#url, alt: title });
    Object.assign(element("film-save"), { href: this.#url, download: moving ? "interpolation.webp" : "frames.png" });
    element("film-image").classList.toggle("moving", moving);
    element("film").hidden = false;
  }

  hide() {
    element("film").hidden = true;
    element("film-image").removeAttribute("src");
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = "";
  }
}
