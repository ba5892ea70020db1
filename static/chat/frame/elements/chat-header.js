import { icon } from "../icons.js";
import { el, write } from "../nodes.js";
import { words } from "../words.js";

/** Who this is, one honest line, and the way out. Fires `chat-close`, `chat-list` and `chat-mute`. */
export class ChatHeader extends HTMLElement {
  #title = el("h1", { class: "title" });
  #line = el("p", { class: "line" });
  #close = el("button", { type: "button", class: "quiet-button", "aria-label": words.close, hidden: true }, icon("close"));

  #list = el("button", { type: "button", class: "quiet-button", "aria-label": words.talks.list, hidden: true }, icon("list"));
  #others = el("span", { class: "count" });
  #sound = el("button", { type: "button", class: "quiet-button", "aria-label": words.sound, hidden: true });

  connectedCallback() {
    if (this.firstChild) return;
    this.append(el("div", { class: "who" }, this.#title, this.#line), this.#list, this.#sound, this.#close);
    this.#list.append(this.#others);
    this.#list.addEventListener("click", () => this.dispatchEvent(new CustomEvent("chat-list", { bubbles: true })));
    this.#sound.addEventListener("click", () => this.dispatchEvent(new CustomEvent("chat-mute", { bubbles: true })));
    this.#close.addEventListener("click", () => this.dispatchEvent(new CustomEvent("chat-close", { bubbles: true })));
  }

  /** What opens the list of conversations. */
  get opener() {
    return this.#list;
  }

  /**
   * @param {{name: string, line: string, closable: boolean, muted: boolean|null, others: number|null}} view `muted` null:
   *   nothing rings yet. `others`: what is unread in other conversations; null: there is no conversation yet
   */
  show({ name, line, closable, muted, others }) {
    write(this.#title, name);
    write(this.#line, line);
    this.#close.hidden = !closable;
    this.#list.hidden = others === null;
    write(this.#others, others ? String(others) : "");
    this.#list.ariaLabel = others ? `${words.talks.list}, ${words.jump(others)}` : words.talks.list;
    this.#sound.hidden = muted === null;
    if (this.#sound.ariaPressed === String(!muted)) return;
    this.#sound.ariaPressed = String(!muted);
    this.#sound.replaceChildren(icon(muted ? "muted" : "sound"));
  }
}

customElements.define("chat-header", ChatHeader);
