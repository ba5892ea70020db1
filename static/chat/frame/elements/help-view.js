/**
 * The help centre in place of the thread: a search with what it finds, or one article. Whoever finds nothing asks us.
 *
 * @import { Clock } from "../../clock.js"
 * @import { Tree } from "../../wire.js"
 * @import { ArticleLine, HelpCentre } from "../help-centre.js"
 * @typedef {{centre: HelpCentre, render: (tree: Tree) => Promise<Node>, clock: Clock, thread: HTMLElement, ask: () => void}} Options
 *   `ask`: the visitor wants to write
 */
import "../later.js";
import { icon, shape } from "../icons.js";
import { el, write } from "../nodes.js";
import { words } from "../words.js";
import { SEARCH, row } from "./help-home.js";

const PAUSE_MS = 250; // Somebody writes on.

export class HelpView extends HTMLElement {
  #options;
  /** @type {HTMLElement|null} */ #opener = null;
  /** @type {HTMLElement|null} what leads from the search to the article that is shown */ #from = null;
  /** @type {() => void} */ #cancel = () => {};
  #back = el("button", { type: "button", class: "quiet-button", "aria-label": words.help.back }, icon("before"));
  #field = el("input", { type: "search", autocomplete: "off", enterkeyhint: "search", maxlength: "200", dir: "auto", "aria-label": words.help.search });
  #box = el("div", { class: "help-field" }, shape(SEARCH), this.#field);
  #status = el("p", { class: "help-status", role: "status" });
  #rows = el("ol", { class: "help-rows" });
  #found = el("div", { class: "help-found" }, this.#status, this.#rows);
  #article = el("article", { class: "help-article", tabindex: "-1" });
  #ask = el("button", { type: "button", class: "help-ask" }, words.help.ask);

  /** @param {Options} options */
  constructor(options) {
    super();
    this.#options = options;
    this.#field.placeholder = words.help.search;
    this.setAttribute("role", "region");
    this.ariaLabel = words.help.search;
    this.append(el("div", { class: "help-head" }, this.#back, this.#box), this.#found, this.#article, this.#ask);
    this.#back.addEventListener("click", () => this.#goBack());
    this.#ask.addEventListener("click", () => (this.leave(), options.ask()));
    this.#field.addEventListener("input", () => this.#lookSoon());
    this.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** @param {HTMLElement} opener gets the focus back */
  search(opener) {
    this.#stand(opener);
    this.#showSearch();
    this.#field.focus();
    void this.#look();
  }

  /** @param {ArticleLine} line @param {HTMLElement} opener gets the focus back */
  read(line, opener) {
    this.#stand(opener);
    this.#from = null;
    void this.#read(line);
  }

  leave() {
    if (!this.isConnected) return;
    this.#cancel();
    this.parentElement?.classList.remove("covered");
    this.remove();
    this.#opener?.focus();
  }

  /** @param {HTMLElement} opener */
  #stand(opener) {
    this.#opener = opener;
    this.#options.thread.before(this);
    this.parentElement?.classList.add("covered");
  }

  #goBack() {
    if (this.#article.hidden || !this.#from) return this.leave();
    this.#showSearch();
    this.#from.focus();
  }

  #showSearch() {
    this.#article.hidden = true;
    this.#box.hidden = this.#found.hidden = false;
  }

  #lookSoon() {
    this.#cancel();
    this.#cancel = this.#options.clock.after(PAUSE_MS, () => void this.#look());
  }

  async #look() {
    const { value } = this.#field;
    try {
      const found = await this.#options.centre.search(value);
      if (!found) return;
      this.#rows.replaceChildren(...found.map((line) => row(line, (pressed) => this.#open(line, pressed))));
      this.#found.scrollTop = 0;
      write(this.#status, value.trim() ? words.help.found(found.length) : words.help.top);
    } catch {
      this.#rows.replaceChildren();
      write(this.#status, words.talks.lost);
    }
  }

  /** @param {ArticleLine} line @param {HTMLElement} pressed */
  #open(line, pressed) {
    this.#from = pressed;
    void this.#read(line);
  }

  /** @param {ArticleLine} line */
  async #read({ id, title }) {
    const heading = el("h2", { dir: "auto" }, title);
    const text = el("div", { class: "help-text", dir: "auto" });
    this.#article.replaceChildren(heading, text);
    this.#article.hidden = false;
    this.#box.hidden = this.#found.hidden = true;
    this.#article.scrollTop = 0;
    this.#article.focus();
    try {
      text.append(await this.#options.render((await this.#options.centre.article(id)).text));
      for (const block of text.children) if (isHeading(block)) Object.assign(block, { className: "help-heading", role: "heading", ariaLevel: "3" });
    } catch {
      text.replaceChildren(el("p", { role: "status" }, words.talks.lost));
    }
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.stopPropagation(); // Only this closes.
      this.#goBack();
    }
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || this.#found.hidden) return;
    const stops = [this.#field, ...this.#rows.querySelectorAll("button")];
    const at = stops.findIndex((stop) => stop === document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    stops[Math.min(Math.max(at + step, 0), stops.length - 1)]?.focus();
  }
}

/** An author's heading comes as a paragraph that is strong from end to end. @param {Element} block */
function isHeading({ tagName, childNodes: [first, ...more] }) {
  return tagName === "P" && first?.nodeName === "STRONG" && !more.length;
}

customElements.define("help-view", HelpView);
