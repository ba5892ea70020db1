/**
 * @import { Item } from "../grouping.js"
 * @import { Times } from "../times.js"
 * @import { ChatMessage } from "./chat-message.js"
 * @typedef {{items: Item[], greeting: string, suggestions: readonly string[], typing: string|null, older: boolean, loaded: boolean, now: number}} ThreadView
 *   `typing`: the name of who types, "" when unknown, null when nobody does.
 */
import { icon } from "../icons.js";
import { el, write } from "../nodes.js";
import { Scroll } from "../scroll.js";
import { words } from "../words.js";

const QUIET_MS = 1_000; // Browsers tell screen readers of changes somewhat later.

/**
 * The conversation. Fires `chat-older` when the visitor nears the top, `chat-read` when they reach the end,
 * `chat-suggest` with a question that they chose. */
export class ChatThread extends HTMLElement {
  /** @type {import("../parts.js").Context|null} */ context = null;
  /** @type {import("../app.js").Messages|null} must be here before there is something to show */ #messages = null;
  /** @type {import("../announcer.js").Announcer|null} */ #announcer = null;
  /** @type {Map<string, HTMLElement>} */ #elements = new Map();
  #intro = el("div", { class: "intro", dir: "auto" });
  #suggestions = el("div", { class: "suggestions" });
  #log = el("div", { class: "log", role: "log", "aria-label": words.conversation, "aria-live": "off", "aria-relevant": "additions", tabindex: "0" });
  #who = el("span", { class: "unseen" });
  #typing = el("div", { class: "typing", role: "status" }, el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")), this.#who);
  #page = el("div", { class: "page" }, this.#intro, this.#suggestions, this.#log, this.#typing);
  #scroller = el("div", { class: "scroller" }, this.#page);
  #jump = el("button", { type: "button", class: "jump", hidden: true });
  #count = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */ #quiet;
  #settled = false;
  #older = false;
  #scroll = new Scroll(this.#scroller, this.#page, {
    atTop: () => this.#older && this.dispatchEvent(new CustomEvent("chat-older", { bubbles: true })),
    moved: () => this.#moved(),
  });

  connectedCallback() {
    if (!this.firstChild) {
      this.append(this.#scroller, this.#jump);
      this.#jump.addEventListener("click", () => this.toEnd());
      this.#log.addEventListener("keydown", (event) => this.#onKey(event));
    }
    this.#scroll.start();
  }

  disconnectedCallback() {
    this.#scroll.stop();
  }

  /** @param {import("../app.js").Messages} messages */
  set messages(messages) {
    this.#messages = messages;
    this.#announcer = new messages.Announcer();
    this.#page.append(this.#announcer.element);
  }

  /** @returns {boolean} whether the newest message is in view */
  get atEnd() {
    return this.#scroll.stuck;
  }

  toEnd() {
    this.#scroll.toEnd();
  }

  /** Another conversation is shown from now on: from its end, and none of it is news. */
  turn() {
    this.#scroll.stuck = true;
    this.#settled = false;
    this.#count = 0;
  }

  /** Something in it changes its size. @param {() => void} change */
  keep(change) {
    this.#scroll.keep(change, { toEnd: false });
  }

  /** @param {ThreadView} view @param {Times} times */
  show(view, times) {
    const fresh = view.items.filter((item) => !this.#elements.has(item.key));
    const first = view.items.find((item) => item.kind === "message");
    const prepended = this.#elements.size > 0 && fresh.some((item) => item === first);
    const news = this.#settled && !prepended;
    this.#speak(news);
    this.#older = view.older;
    this.#showIntro(view);
    this.#scroll.keep(() => this.#place(view, times), { toEnd: fresh.some(isDraft) });
    this.#showTyping(view.typing);
    this.#announcer?.note(view.items, this.#settled);
    if (news && !this.#scroll.stuck) this.#count += fresh.filter((item) => item.kind === "message" && !item.own).length;
    this.#settled = view.loaded;
    if (!this.#scroll.stuck) return this.#showJump();
    this.#moved();
  }

  /** Only news is read out: neither the thread as it loads, nor what is paged in above. @param {boolean} news */
  #speak(news) {
    if (news) return;
    this.#log.ariaLive = "off";
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => (this.#log.ariaLive = "polite"), QUIET_MS);
  }

  /** @param {ThreadView} view */
  #showIntro({ items, greeting, suggestions, loaded }) {
    this.#suggestions.hidden = items.length > 0 || !loaded;
    if (this.#suggestions.childElementCount !== suggestions.length) this.#suggestions.replaceChildren(...suggestions.map((text) => this.#suggestion(text)));
    write(this.#intro, greeting);
    this.#intro.hidden = items.length > 0 || !loaded;
    this.classList.toggle("loading", !loaded && items.length === 0);
  }

  /** @param {string} text */
  #suggestion(text) {
    const button = el("button", { type: "button", class: "suggestion", dir: "auto" }, text);
    button.addEventListener("click", () => this.dispatchEvent(new CustomEvent("chat-suggest", { bubbles: true, detail: text })));
    return button;
  }

  /** @param {ThreadView} view @param {Times} times */
  #place({ items, now }, times) {
    const keys = new Set(items.map((item) => item.key));
    for (const [key, element] of this.#elements) {
      if (keys.has(key)) continue;
      if (element.contains(document.activeElement)) this.#log.focus({ preventScroll: true });
      element.remove();
      this.#elements.delete(key);
    }
    let next = this.#log.firstElementChild;
    for (const item of items) {
      const element = this.#elements.get(item.key) ?? this.#make(item);
      if (element === next) next = next.nextElementSibling;
      else this.#log.insertBefore(element, next);
      if (item.kind === "day") write(element, times.day(item.at, now));
      if (item.kind === "message") /** @type {ChatMessage} */ (element).show(item, times);
    }
  }

  /** @param {Item} item @returns {HTMLElement} */
  #make(item) {
    const { ChatMessage } = /** @type {import("../app.js").Messages} */ (this.#messages);
    const element = item.kind === "message" ? new ChatMessage(this.context) : el("div", { class: item.kind });
    if (item.kind === "divider") element.textContent = words.newMessages;
    if (item.kind === "speaker") element.textContent = words.nowTalking(item.name);
    this.#elements.set(item.key, element);
    return element;
  }

  /** @param {string|null} name */
  #showTyping(name) {
    this.#typing.classList.toggle("on", name !== null);
    write(this.#who, name === null ? "" : words.typing(name));
  }

  #moved() {
    if (this.#scroll.stuck) {
      this.#count = 0;
      this.dispatchEvent(new CustomEvent("chat-read", { bubbles: true }));
    }
    this.#showJump();
  }

  #showJump() {
    this.#jump.hidden = this.#scroll.stuck;
    this.#jump.ariaLabel = words.jumpLabel(this.#count);
    this.#jump.replaceChildren(icon("down"), words.jump(this.#count));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !(event.target instanceof HTMLElement) || event.target.matches("button, input, textarea, select, video")) return;
    const messages = [...this.#log.querySelectorAll("chat-message")];
    const at = messages.findIndex((message) => message.contains(document.activeElement));
    const target = at < 0 ? messages.at(-1) : messages[Math.min(Math.max(at + step, 0), messages.length - 1)];
    if (!(target instanceof HTMLElement)) return;
    event.preventDefault();
    target.focus();
  }
}

/** @param {Item} item */
function isDraft(item) {
  return item.kind === "message" && item.state === "unsent";
}

customElements.define("chat-thread", ChatThread);
