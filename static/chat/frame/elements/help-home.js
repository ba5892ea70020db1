/**
 * Above an empty chat: what looks like a field and opens the search, and the articles that are read most.
 *
 * @import { ArticleLine } from "../help-centre.js"
 * @typedef {(opener: HTMLElement) => void} Open
 */
import "../later.js";
import { shape } from "../icons.js";
import { el } from "../nodes.js";
import { words } from "../words.js";

export const SEARCH = "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4";
const MOST = 3;

export class HelpHome extends HTMLElement {
  /** @param {{articles: ArticleLine[], search: Open, read: (line: ArticleLine, opener: HTMLElement) => void}} options */
  constructor({ articles, search, read }) {
    super();
    const opener = el("button", { type: "button", class: "help-search" }, shape(SEARCH), words.help.search);
    opener.addEventListener("click", () => search(opener));
    const rows = articles.slice(0, MOST).map((line) => row(line, (pressed) => read(line, pressed), { short: true }));
    this.append(opener, el("ul", { class: "help-rows", "aria-label": words.help.top }, ...rows));
  }
}

/** @param {ArticleLine} line @param {Open} open @param {{short?: boolean}} [how] `short`: the title alone */
export function row({ title, description }, open, { short = false } = {}) {
  const about = !short && description && el("span", { class: "help-about", dir: "auto" }, description);
  const button = el("button", { type: "button", class: "help-row" }, el("span", { class: "help-title", dir: "auto" }, title), about);
  button.addEventListener("click", () => open(button));
  return el("li", {}, button);
}

customElements.define("help-home", HelpHome);
