import { icon } from "../icons.js";
import { el, write } from "../nodes.js";
import { words } from "../words.js";

const COUNTER_FROM = 500; // characters left

/**
 * Where the visitor writes. Fires `chat-send` with the text and `chat-wrote` with every change of it.
 */
export class ChatComposer extends HTMLElement {
  limit = Infinity;
  #width = 0;
  /** Lines break anew when the width changes; a frame that loads behind a closed launcher has none at first. */
  #observer = new ResizeObserver(() => {
    if (this.#width === this.clientWidth) return;
    this.#width = this.clientWidth;
    this.#fit();
  });
  #field = el("textarea", { rows: "1", "aria-label": words.message, placeholder: words.placeholder, dir: "auto", autocomplete: "off" });
  #send = el("button", { type: "submit", class: "send", "aria-label": words.send, disabled: true }, icon("send"));
  #counter = el("p", { class: "counter", "aria-live": "polite" });
  #form = el("form", { novalidate: true }, el("div", { class: "field" }, this.#field, this.#send), this.#counter);

  connectedCallback() {
    this.#observer.observe(this);
    if (this.firstChild) return;
    this.append(this.#form);
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    this.#send.addEventListener("mousedown", (event) => event.preventDefault()); // Keeps the keyboard up on phones.
    this.#form.addEventListener("submit", (event) => this.#submit(event));
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }

  get text() {
    return this.#field.value;
  }

  set text(text) {
    this.#field.value = text;
    this.#measure();
  }

  focusField() {
    this.#field.focus({ preventScroll: true });
  }

  /** @param {SubmitEvent|KeyboardEvent} event */
  #submit(event) {
    event.preventDefault();
    if (this.#send.disabled) return;
    const text = clean(this.text).trim();
    this.text = "";
    this.dispatchEvent(new CustomEvent("chat-send", { bubbles: true, detail: text }));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    // 229: the key belongs to an input method, also where isComposing is already false (Safari).
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    if (matchMedia("(hover: none) and (pointer: coarse)").matches) return; // On a phone Enter makes a line.
    this.#submit(event);
  }

  #changed() {
    this.#measure();
    this.dispatchEvent(new CustomEvent("chat-wrote", { bubbles: true, detail: this.text }));
  }

  #measure() {
    const left = this.limit - length(clean(this.text).trim());
    this.#send.disabled = left < 0 || left === this.limit;
    write(this.#counter, left < 0 ? words.over(-left) : left <= COUNTER_FROM ? words.left(left) : "");
    this.#counter.classList.toggle("over", left < 0);
    this.#fit();
  }

  #fit() {
    this.#field.style.blockSize = "auto";
    this.#field.style.blockSize = `${this.#field.scrollHeight}px`;
  }
}

/** What no message may hold: NUL, and halves of characters. @param {string} text */
function clean(text) {
  return text.replaceAll("\0", "").replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** Characters as the server counts them. @param {string} text */
function length(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

customElements.define("chat-composer", ChatComposer);
