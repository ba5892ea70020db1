import { icon } from "../icons.js";
import { el, write } from "../nodes.js";
import { words } from "../words.js";

/** Who this is, one honest line, and the way out. Fires `chat-close`. */
export class ChatHeader extends HTMLElement {
  #title = el("h1", { class: "title" });
  #line = el("p", { class: "line" });
  #close = el("button", { type: "button", class: "quiet-button", "aria-label": words.close, hidden: true }, icon("close"));

  connectedCallback() {
    if (this.firstChild) return;
    this.append(el("div", { class: "who" }, this.#title, this.#line), this.#close);
    this.#close.addEventListener("click", () => this.dispatchEvent(new CustomEvent("chat-close", { bubbles: true })));
  }

  /** @param {{name: string, line: string, closable: boolean}} view */
  show({ name, line, closable }) {
    write(this.#title, name);
    write(this.#line, line);
    this.#close.hidden = !closable;
  }
}

customElements.define("chat-header", ChatHeader);
