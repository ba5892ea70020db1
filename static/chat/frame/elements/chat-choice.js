/** A conversation is closed, and the visitor chooses whether it goes on. It stands in place of the composer. */
import { el } from "../nodes.js";
import "../later.js";
import { words } from "../words.js";

export class ChatChoice extends HTMLElement {
  #goOn = el("button", { type: "button", class: "begin" }, words.talks.goOn);
  #begin = el("button", { type: "button", class: "begin" }, words.talks.begin);

  /** @param {{goOn: () => void, begin: () => void}} chosen */
  constructor({ goOn, begin }) {
    super();
    this.#goOn.addEventListener("click", goOn);
    this.#begin.addEventListener("click", begin);
  }

  connectedCallback() {
    if (!this.firstChild) this.append(this.#goOn, this.#begin);
  }
}

customElements.define("chat-choice", ChatChoice);
