/**
 * One of several answers: the chosen one stays, the rest fade out.
 * @import { Doing, Question, View } from "./rich.js"
 */
import { canonical } from "../../answering.js";
import { icon } from "../icons.js";
import { el } from "../nodes.js";
import { words } from "../words.js";
import { AnswerLine } from "./answer-line.js";

const FADE_MS = 200;

/** @param {Doing} doing @returns {View} */
export function choices({ answer }) {
  const line = new AnswerLine(answer);
  const list = el("div", { class: "choices", role: "group", "aria-label": words.rich.choose });
  const element = el("div", { class: "card-part" }, list, line.element);
  let drawn = "";
  return { element, update };

  /** @param {Question} question */
  function update({ attributes, answer: given }) {
    line.show(given);
    const chosen = given ? [given.values].flat()[0] : null;
    const now = canonical([attributes.items, chosen]);
    if (now === drawn) return;
    const had = list.contains(document.activeElement);
    const fades = drawn !== "" && chosen !== null && list.querySelector("button") !== null;
    drawn = now;
    if (chosen === null) return list.replaceChildren(...(attributes.items ?? []).map(option));
    if (fades) fade(chosen, had);
    else settle(chosen, had);
  }

  /** @param {{title: string, value: unknown}} item */
  function option(item) {
    const button = el("button", { type: "button", class: "choice", dir: "auto" }, item.title);
    button.dataset.value = canonical(item.value);
    button.addEventListener("click", () => answer([{ title: item.title, value: item.value }]));
    return button;
  }

  /** @param {any} chosen @param {boolean} had */
  function fade(chosen, had) {
    for (const button of list.querySelectorAll("button")) {
      button.disabled = true;
      button.classList.add(button.dataset.value === canonical(chosen.value) ? "chosen" : "leaving");
    }
    const still = drawn;
    setTimeout(() => still === drawn && settle(chosen, had), matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : FADE_MS);
  }

  /** @param {any} chosen @param {boolean} had the focus: it must not fall out of the thread */
  function settle(chosen, had) {
    const told = el("p", { class: "choice chosen", dir: "auto", tabindex: "-1" }, icon("check"), el("span", { class: "unseen" }, `${words.rich.chosen}: `), titleOf(chosen));
    list.replaceChildren(told);
    if (had) told.focus({ preventScroll: true });
  }
}

/** @param {any} chosen */
function titleOf(chosen) {
  return String(chosen?.title ?? chosen?.value ?? "");
}
