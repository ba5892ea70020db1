/**
 * The line below an answer: that it waits, or that it did not get through and may be sent again.
 * @import { AnswerView } from "../grouping.js"
 */
import { el, write } from "../nodes.js";
import { words } from "../words.js";

export class AnswerLine {
  #said = el("span", { role: "status" });
  #again = el("button", { type: "button", class: "text-button", hidden: true }, words.rich.retry);
  element = el("p", { class: "answer-line" }, this.#said, this.#again);
  /** @type {unknown} */ #values = null;

  /** @param {(values: unknown) => void} answer */
  constructor(answer) {
    this.#again.addEventListener("click", () => answer(this.#values));
  }

  /** @param {AnswerView|null} answer */
  show(answer) {
    this.#values = answer?.values;
    const word = answer?.word ?? "sent";
    write(this.#said, word === "sent" ? "" : words.rich[word]);
    this.#again.hidden = word !== "failed";
    this.element.classList.toggle("failed", word === "failed");
    this.element.hidden = word === "sent";
  }
}
