/** A button that opens a small menu above itself; arrows move in it, Escape closes it. */
import { h, set } from "./h.js";
import { icon } from "./icon.js";

export class Menu {
  /** `entries`: `{name, hint, choose}`. */
  constructor(label, iconName, entries) {
    this.items = entries.map((entry) => this.#item(entry));
    this.menu = h("div", { class: "menu", role: "menu", "aria-label": label, hidden: true }, this.items);
    const attributes = { type: "button", class: "icon", "aria-label": label, title: label, "aria-haspopup": "menu" };
    this.button = h("button", { ...attributes, onclick: () => this.#toggle() }, icon(iconName));
    this.element = h("div", { class: "menu-place" }, this.button, this.menu);
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener(
      "focusout",
      ({ relatedTarget }) => this.element.contains(relatedTarget) || this.#show(false),
    );
    this.#show(false);
  }

  #item({ name, hint, choose }) {
    const onclick = () => {
      this.#close();
      choose();
    };
    return h(
      "button",
      { type: "button", role: "menuitem", tabindex: "-1", onclick },
      name,
      h("span", { class: "quiet" }, hint),
    );
  }

  #show(isOpen) {
    set(this.menu, "hidden", !isOpen);
    set(this.button, "aria-expanded", String(isOpen));
  }

  #toggle() {
    if (!this.menu.hidden) return this.#close();
    this.#show(true);
    this.items[0].focus();
  }

  #close() {
    this.#show(false);
    this.button.focus();
  }

  #key(event) {
    if (this.menu.hidden) return;
    const { items } = this;
    const at = items.indexOf(document.activeElement);
    const target = {
      ArrowDown: items[(at + 1) % items.length],
      ArrowUp: items.at(at - 1),
      Home: items[0],
      End: items.at(-1),
    };
    if (event.key === "Escape") this.#close();
    else if (target[event.key]) target[event.key].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
