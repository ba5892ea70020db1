/**
 * What is seen of a chat on the host's page: a button with a badge, and a panel for the frame.
 * @import { Settings } from "../chatproxy.js"
 */
import { BUBBLE, CHEVRON, SVG, sheetOf } from "./look.js";
import { safely } from "./safely.js";

const WORDS = {
  labelWord: "Chat",
  label: "Open chat",
  labelClose: "Close chat",
  labelUnread: "Open chat, {count} unread",
  labelLoading: "Loading…",
  labelUnreachable: "The chat can’t be reached.",
};

/** @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {object} [properties] @returns {HTMLElementTagNameMap[T]} */
export const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

export class View {
  panel = make("div", { className: "panel", hidden: true });
  #note = make("p", { className: "note", role: "status" });
  #badge = make("span", { className: "badge" });
  #box = make("div");
  #svg = document.createElementNS(SVG, "svg");
  #shape = document.createElementNS(SVG, "path");
  #word = make("span");
  #words = WORDS;
  #settings;
  #count = 0;
  button;
  #root;

  /** @param {HTMLElement} host @param {Settings} settings @param {() => void} clicked @param {AbortSignal} signal ends it */
  constructor(host, settings, clicked, signal) {
    const { accent = "", mode = "launcher", words = "{}", hidden } = settings;
    this.#settings = settings;
    this.button = make("button", { type: "button", hidden: hidden === "" || hidden, onclick: () => safely(clicked) });
    this.button.append(this.#svg, this.#word, this.#badge);
    this.#svg.setAttribute("viewBox", "0 0 24 24");
    this.#svg.append(this.#shape);
    this.panel.append(this.#note);
    this.#box.append(this.panel, mode === "launcher" ? this.button : "");
    this.#root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [sheetOf(accent, mode === "inline")];
    this.#root.replaceChildren(this.#box);
    this.dress();
    this.speak({});
    safely(() => this.speak(JSON.parse(words)));
    visualViewport?.addEventListener("resize", () => this.#onViewport(), { signal });
    signal.onabort = () => this.#root.replaceChildren();
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  /** @param {boolean} is */
  open(is) {
    const focused = this.#root.activeElement;
    this.panel.hidden = !is;
    this.show(this.#count);
    this.#onViewport();
    if (!is && focused) this.button.focus();
  }

  /** As the settings are now. */
  dress() {
    const { mode = "launcher", position, launcher, theme } = this.#settings;
    this.#box.className = `${mode} ${position} ${launcher} ${theme}`;
  }

  /** The server's words, then the frame's; the page's own count more. @param {object} words */
  speak(words) {
    this.#words = { ...this.#words, ...words, ...this.#settings };
    this.#word.textContent = this.#words.labelWord;
    this.say(false);
    this.show(this.#count);
  }

  /** Instead of the frame. @param {boolean} missed */
  say(missed) {
    this.#note.textContent = this.#words[missed ? "labelUnreachable" : "labelLoading"];
  }

  /** @param {number} unread */
  show(unread) {
    const { isOpen } = this;
    const count = isOpen ? 0 : unread;
    this.#count = unread;
    this.#shape.setAttribute("d", isOpen ? CHEVRON : BUBBLE);
    this.#badge.hidden = !count;
    this.#badge.textContent = count > 9 ? "9+" : /** @type {any} */ (count);
    this.button.ariaLabel = this.#words[isOpen ? "labelClose" : count ? "labelUnread" : "label"].replace("{count}", /** @type {any} */ (count));
    this.button.ariaExpanded = /** @type {any} */ (isOpen);
  }

  /** On a phone the keyboard covers a full-screen panel unless it follows what is left. */
  #onViewport() {
    const view = visualViewport;
    const isSmall = view && this.isOpen && innerWidth < 480;
    this.panel.style.cssText = isSmall ? `top:${view.offsetTop}px;height:${view.height}px` : "";
  }
}
