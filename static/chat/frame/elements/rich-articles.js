/**
 * Pages that may help.
 * @import { Question, View } from "./rich.js"
 */
import { canonical } from "../../answering.js";
import { el, link } from "../nodes.js";

/** @returns {View} */
export function articles() {
  const element = el("div", { class: "articles" });
  let drawn = "";
  return { element, update };

  /** @param {Question} question */
  function update({ attributes: { items = [] } }) {
    if (drawn === canonical(items)) return;
    drawn = canonical(items);
    element.replaceChildren(...items.map(article));
  }
}

/** @param {any} item */
function article({ title, description, link: href }) {
  const parts = [title && el("strong", { dir: "auto" }, title), description && el("span", { class: "quiet", dir: "auto" }, description)];
  if (!href) return el("section", { class: "article" }, ...parts);
  return link(href, { class: "article" }, ...parts);
}
