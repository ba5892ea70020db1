/**
 * A row of cards with what can be done about each: open a page, or say something.
 * @import { Doing, Question, View } from "./rich.js"
 */
import { canonical } from "../../answering.js";
import { el, link } from "../nodes.js";
import { words } from "../words.js";

/** @param {Doing} doing @returns {View} */
export function cards({ say }) {
  const element = el("div", { class: "cards", role: "group", "aria-label": words.rich.look, tabindex: "0" });
  let drawn = "";
  return { element, update };

  /** @param {Question} question */
  function update({ attributes: { items = [] } }) {
    if (drawn === canonical(items)) return;
    drawn = canonical(items);
    element.replaceChildren(...items.map(card));
  }

  /** @param {any} item */
  function card({ title, description, picture, actions = [] }) {
    return el(
      "section",
      { class: "card" },
      picture && photo(picture),
      title && el("h3", { dir: "auto" }, title),
      description && el("p", { class: "quiet", dir: "auto" }, description),
      actions.length > 0 && el("div", { class: "card-actions" }, ...actions.map(action)),
    );
  }

  /** What its title says stands beside it. @param {string} src */
  function photo(src) {
    const image = el("img", { src, alt: "", width: "240", height: "135", loading: "lazy", referrerpolicy: "no-referrer" });
    image.addEventListener("error", () => image.remove());
    return image;
  }

  /** @param {any} item */
  function action({ type, text, uri }) {
    if (type === "link") return link(uri, { class: "card-action" }, text);
    const button = el("button", { type: "button", class: "card-action", dir: "auto" }, text);
    button.addEventListener("click", () => say(text));
    return button;
  }
}
