/**
 * The emoji picker: a search field and a grid that arrow keys walk. What was used lately is kept by this page alone.
 *
 * @import { ChatComposer } from "../elements/chat-composer.js"
 * @import { Emoji } from "./emoji-search.js"
 */
import "../later.js";
import { el, write } from "../nodes.js";
import { words } from "../words.js";
import { groups, search } from "./emoji-search.js";

const COLUMNS = 8;
const MOST_RECENT = 16;

/** @type {Picker|null} */
let picker = null;

/** @param {{composer: ChatComposer, opener: HTMLElement}} options */
export function toggle({ composer, opener }) {
  picker ??= new Picker({ composer, opener });
  if (picker.isOpen) picker.close();
  else picker.open();
}

class Picker {
  /** @type {Emoji[]} */ #recent = [];
  /** @type {Map<HTMLElement, Emoji>} */ #emoji = new Map();
  #search = el("input", { type: "search", placeholder: words.emoji.search, "aria-label": words.emoji.search, autocomplete: "off", enterkeyhint: "done" });
  #grid = el("div", { class: "grid" });
  #none = el("p", { class: "none", role: "status" });
  #panel = el("div", { class: "emoji-picker", role: "dialog", "aria-label": words.composer.emoji, hidden: true }, this.#search, this.#none, this.#grid);

  /** @param {{composer: ChatComposer, opener: HTMLElement}} options */
  constructor({ composer, opener }) {
    this.composer = composer;
    this.opener = opener;
    composer.append(this.#panel);
    this.#search.addEventListener("input", () => this.#show());
    this.#panel.addEventListener("keydown", (event) => this.#onKey(event));
    this.#grid.addEventListener("click", (event) => this.#chosen(event.target));
    document.addEventListener("pointerdown", ({ target }) => {
      const inside = target instanceof Node && (this.#panel.contains(target) || opener.contains(target));
      if (this.isOpen && !inside) this.#hide();
    });
  }

  get isOpen() {
    return !this.#panel.hidden;
  }

  open() {
    this.#search.value = "";
    this.#panel.hidden = false;
    this.opener.ariaExpanded = "true";
    this.#show();
    this.#grid.scrollTop = 0;
    this.#search.focus();
  }

  close() {
    this.#hide();
    this.composer.focusField();
  }

  #hide() {
    this.#panel.hidden = true;
    this.opener.ariaExpanded = "false";
  }

  #show() {
    const query = this.#search.value.trim();
    this.#emoji.clear();
    const found = query ? search(query) : [];
    write(this.#none, query && !found.length ? words.emoji.none : "");
    const recent = !query && this.#recent.length ? [this.#section(words.emoji.recent, this.#recent)] : [];
    const sections = query ? [this.#section("", found)] : [...recent, ...this.#sections()];
    this.#grid.replaceChildren(...sections);
    this.#reach([...this.#emoji.keys()][0]);
  }

  #sections() {
    return [...groups].map(([group, list]) => this.#section(words.emoji[group], list));
  }

  /** @param {string} title @param {readonly Emoji[]} list */
  #section(title, list) {
    const buttons = list.map((emoji) => {
      const button = el("button", { type: "button", "aria-label": emoji.name, title: emoji.name, tabindex: "-1" }, emoji.sign);
      this.#emoji.set(button, emoji);
      return button;
    });
    return el("section", title ? { "aria-label": title } : {}, title ? el("h3", {}, title) : null, el("div", { class: "row" }, ...buttons));
  }

  /** Tab comes to this one. @param {HTMLElement|undefined} button */
  #reach(button) {
    this.#grid.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    button?.setAttribute("tabindex", "0");
  }

  /** @param {EventTarget|null} target */
  #chosen(target) {
    const button = target instanceof HTMLElement ? target.closest("button") : null;
    const emoji = button && this.#emoji.get(button);
    if (!emoji) return;
    this.#recent = [emoji, ...this.#recent.filter(({ sign }) => sign !== emoji.sign)].slice(0, MOST_RECENT);
    this.close();
    this.composer.insert(emoji.sign);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.isComposing) return;
    event.stopPropagation(); // Escape would close the chat, Enter would send.
    const { key } = event;
    if (key === "Escape") return this.close();
    const all = [...this.#emoji.keys()];
    const at = all.findIndex((button) => button === document.activeElement);
    if (key === "Enter" && at < 0) return event.preventDefault(), this.#chosen(all[0] ?? null);
    const to = at < 0 ? (key === "ArrowDown" ? 0 : null) : place(key, at, all);
    if (to === null) return;
    event.preventDefault();
    const target = to < 0 ? this.#search : all[Math.min(to, all.length - 1)];
    if (to >= 0) this.#reach(target);
    target?.focus();
  }
}

/**
 * Where a key leads in a grid whose sections end with rows that are not full: up and down go by what is seen.
 * @param {string} key @param {number} at @param {HTMLElement[]} all @returns {number|null} -1: above the first row
 */
function place(key, at, all) {
  const back = getComputedStyle(/** @type {HTMLElement} */ (all[at])).direction === "rtl" ? 1 : -1;
  if (key === "ArrowLeft") return Math.max(0, at + back);
  if (key === "ArrowRight") return Math.max(0, at - back);
  if (key === "Home") return 0;
  if (key === "End") return all.length - 1;
  if (key !== "ArrowUp" && key !== "ArrowDown") return null;
  return beside(all, at, key === "ArrowUp" ? -1 : 1);
}

/** @param {HTMLElement[]} all @param {number} at @param {-1|1} step @returns {number} the nearest one of the next row */
function beside(all, at, step) {
  const box = (/** @type {number} */ index) => /** @type {HTMLElement} */ (all[index]).getBoundingClientRect();
  const { left, top } = box(at);
  /** @type {number|null} */
  let best = null;
  for (let index = at + step; index >= 0 && index < all.length && Math.abs(index - at) <= 3 * COLUMNS; index += step) {
    const here = box(index);
    if (Math.abs(here.top - top) < 2) continue;
    if (best !== null && Math.abs(here.top - box(best).top) >= 2) break;
    if (best === null || Math.abs(here.left - left) < Math.abs(box(best).left - left)) best = index;
  }
  return best ?? (step < 0 ? -1 : at);
}
