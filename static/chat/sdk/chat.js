/**
 * One chat on the host's page: a button and a panel, or a part of the page; and nothing else until it is opened.
 *
 * @import { Attributes, Claim, Settings, Theme } from "../chatproxy.js"
 * @typedef {(name: string, detail?: unknown) => void} Emit
 */
import { Line, trouble } from "./line.js";
import { Place } from "./place.js";
import { safely } from "./safely.js";
import { View, make } from "./view.js";

export class Chat {
  host;
  #settings;
  #emit;
  #view;
  #line;
  #place;
  #life = new AbortController();
  #inline;
  /** @type {Claim|null} */ #claim = null;
  /** @type {Promise<unknown>|null} for a token */ #asking = null;
  /** @type {unknown} whom that names */ #who;
  /** @type {Record<string, Attributes>} by wish; a frame that is loaded anew is told again */ #noted = {};

  /** @param {Settings & {origin: string}} settings @param {Emit} emit */
  constructor(settings, emit) {
    const { host, mode, target, origin, inbox } = settings;
    this.#settings = settings;
    this.#emit = emit;
    this.#inline = mode === "inline";
    this.host = host ?? make("div");
    this.host.dataset.chatproxy = inbox;
    const { signal } = this.#life;
    this.#view = new View(this.host, settings, () => this.toggle(), signal);
    this.#line = new Line(this, this.#view.panel, origin, signal);
    addEventListener("keydown", (event) => this.#onKey(event), { signal });
    this.#place = host ? null : new Place(this.host, this.#inline && target, () => this.placed());
    if (host) this.placed();
    if (this.#mark() === "0") this.logout();
  }

  destroy() {
    this.#life.abort();
    this.#place?.leave();
  }

  /** It stands in the page, for the first time or again: a frame that was torn out with it has to be loaded anew. */
  placed() {
    if (this.#line.pane) return this.#line.loadAfresh();
    // Without a button nobody else would open it.
    (window.requestIdleCallback ?? setTimeout)(() =>
      safely(() => (this.#view.button.parentNode ? this.#mark() && this.#line.need() : this.open())),
    );
  }

  address() {
    const { origin, inbox, locale, theme, frame } = this.#settings;
    const said = { origin: location.origin, locale, theme, mode: this.#inline && "inline", identity: this.#claim && "1", ...frame };
    const query = new URLSearchParams(/** @type {[string, string][]} */ (Object.entries(said).filter(([, value]) => value)));
    return `${origin}/frame/${inbox}/?${query}`;
  }

  /** @param {Record<string, any>} told by the frame */
  hear({ type, name, detail, words }) {
    if (type === "words") this.#view.speak(words);
    if (type === "close") this.close();
    if (type === "ready") this.#onReady();
    if (type === "forget") this.#forget("");
    if (type !== "event") return;
    if (name === "unread") {
      if (this.#mark() === "0") return;
      this.#mark("1");
      this.#view.show(detail);
    }
    this.#emit(name, detail);
  }

  /** @param {boolean} is */
  missed(is) {
    this.#view.say(is);
    if (is) this.#emit("error", trouble("unreachable"));
  }

  /**
   * One first-party mark, no token: `1` of whoever has written before, for a true badge; `0` of whoever has left, until the
   * frame has heard of it. @param {string} [now] @param {string} [blocked]
   */
  #mark(now, blocked) {
    const key = `chatproxy:${this.#settings.inbox}:wrote`;
    try {
      if (now) localStorage[key] = now;
      if (now === "") delete localStorage[key];
      return localStorage[key];
    } catch {
      return blocked;
    }
  }

  // What stands below is what a page may call (`CALLS`).
  get isOpen() {
    return this.#view.isOpen;
  }

  open() {
    if (this.isOpen) return;
    this.#line.need();
    this.#view.open(true);
    if (this.#line.ready) this.#tellOpen(!this.#inline);
    this.#emit("open");
  }

  close() {
    if (!this.isOpen || this.#inline) return;
    this.#view.open(false);
    this.#line.tell({ type: "closed" });
    this.#emit("close");
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  show() {
    this.#view.button.hidden = false;
  }

  hide() {
    this.#view.button.hidden = true;
  }

  /** Not before the frame knows who sits here. @param {boolean} focus */
  async #tellOpen(focus) {
    if (focus) this.#line.pane?.focus();
    await this.#asking;
    if (this.isOpen) this.#line.tell({ type: "open", focus });
  }

  /** @param {Claim & {identifier?: unknown, token?: any}} claim */
  identify(claim) {
    let who = claim.identifier;
    try {
      who ??= JSON.parse(atob(claim.token.split(".")[1].replace(/[-_]/g, "/"))).sub; // Which of both signs tells nobody apart.
    } catch {
      who = claim; // Whom a function will name is not known yet.
    }
    if (this.#claim && this.#who !== who) this.#noted = {};
    this.#who = who;
    const asking = (async () => (typeof claim.token === "function" ? claim.token() : claim.token))().catch(() => {});
    this.#claim = claim;
    this.#asking = asking;
    this.#line.need();
    return this.#tried(
      asking.then((token) => {
        if (this.#asking !== asking) throw trouble("superseded");
        this.#asking = null;
        return this.#line.call("identify", { ...claim, token });
      }),
    );
  }

  logout() {
    const known = this.#line.pane || this.#mark(undefined, "1");
    this.#claim = this.#asking = null;
    this.#noted = {};
    this.#forget(known ? "0" : "");
    if (!known) return;
    this.#line.need();
    return this.#tried(this.#line.call("logout"));
  }

  /** @param {string} mark what remains */
  #forget(mark) {
    this.#mark(mark);
    this.#view.show(0);
    this.#emit("unread", 0);
  }

  /** @param {string} wish @param {Attributes} values */
  #note(wish, values) {
    Object.assign((this.#noted[wish] ??= {}), values);
    if (this.#line.ready) return this.#tried(this.#line.call(wish, values));
  }

  /** @param {Attributes} values */
  setAttributes(values) {
    return this.#note("attributes", values);
  }

  /** @param {Attributes} values */
  setConversationAttributes(values) {
    return this.#note("conversation", values);
  }

  /** @param {string} key */
  deleteConversationAttribute(key) {
    return this.#note("conversation", { [key]: null });
  }

  /** @param {string} label */
  setLabel(label) {
    return this.#note("labels", { [label]: true });
  }

  /** @param {string} label */
  removeLabel(label) {
    return this.#note("labels", { [label]: null });
  }

  /** @param {string} locale */
  setLocale(locale) {
    this.#look({ locale });
  }

  /** @param {Theme} theme */
  setTheme(theme) {
    this.#look({ theme });
  }

  /** @param {Pick<Settings, "locale"|"theme">} look */
  #look(look) {
    Object.assign(this.#settings, look);
    this.#view.dress();
    this.#line.tell({ type: "look", ...look });
  }

  #onReady() {
    const { activeElement } = document;
    if (this.#claim && !this.#asking && !this.#line.asks("identify")) this.identify(this.#claim);
    for (const wish in this.#noted) this.#note(wish, this.#noted[wish]);
    this.#emit("ready");
    if (this.isOpen) this.#tellOpen(!this.#inline && (activeElement === this.host || activeElement === document.body));
  }

  /** @template T @param {Promise<T>} doing @returns {Promise<T>} whose failure is an event, too */
  #tried(doing) {
    doing.catch((error) => this.#emit("error", error));
    return doing;
  }

  /** @param {KeyboardEvent} event */
  #onKey({ key, isComposing, defaultPrevented }) {
    if (key === "Escape" && !isComposing && !defaultPrevented) safely(() => this.close());
  }
}

/** What a page may call: the methods below `isOpen`, the seventh of them. */
export const CALLS = Object.getOwnPropertyNames(Chat.prototype).slice(7);
