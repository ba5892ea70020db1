/**
 * Joins the client and the elements: events go in, one view per animation frame comes out.
 *
 * @import { ChatClient, Change } from "../client.js"
 * @import { Config } from "../wire.js"
 * @import { Host } from "./host.js"
 * @import { MessageItem } from "./grouping.js"
 * @import { ChatComposer } from "./elements/chat-composer.js"
 * @import { ChatHeader } from "./elements/chat-header.js"
 * @import { ChatThread } from "./elements/chat-thread.js"
 * @typedef {{header: ChatHeader, thread: ChatThread, notice: HTMLElement, composer: ChatComposer}} Parts
 */
import { systemClock } from "../clock.js";
import { olderPage, unread } from "../selectors.js";
import { Waiting } from "./delivery.js";
import { items } from "./grouping.js";
import { headerLine } from "./header-line.js";
import { write } from "./nodes.js";
import { Notice } from "./notice.js";
import { Times } from "./times.js";
import { Typist } from "./typist.js";
import { words } from "./words.js";

export class App {
  open = false;
  /** @type {string|null} */ #dividerAt = null;
  #drawing = false;
  #waiting = new Waiting();
  #notice = new Notice();
  /** @type {() => void} */ #cancelLater = () => {};

  /** @param {{client: ChatClient, config: Config, host: Host, parts: Parts}} options */
  constructor({ client, config, host, parts }) {
    this.client = client;
    this.config = config;
    this.host = host;
    this.parts = parts;
    this.clock = systemClock;
    this.times = new Times(config.locale);
    this.typist = new Typist({ clock: this.clock, tell: (on) => client.typing(on) });
  }

  start() {
    const { header, thread, composer } = this.parts;
    composer.limit = this.config.limits.text;
    composer.text = String(this.client.storage.get("draft") ?? "");
    this.client.on("change", (change) => this.#changed(change));
    header.addEventListener("chat-close", () => this.host.tell({ type: "close" }));
    thread.addEventListener("chat-older", () => void this.client.older());
    thread.addEventListener("chat-read", () => this.#read());
    thread.addEventListener("chat-action", (event) => this.#act(/** @type {CustomEvent} */ (event).detail));
    composer.addEventListener("chat-send", (event) => this.#send(/** @type {CustomEvent} */ (event).detail));
    composer.addEventListener("chat-wrote", (event) => this.#wrote(/** @type {CustomEvent} */ (event).detail));
    this.looked();
  }

  /** @returns {boolean} whether somebody can see the chat */
  get visible() {
    return this.open && document.visibilityState === "visible";
  }

  /** Opened, closed, hidden or shown: call it after each. */
  looked() {
    this.client.look(this.visible);
    if (this.visible) this.#dividerAt = unread(this.client.state)[0]?.id ?? null;
    else this.typist.stopped();
    this.draw();
  }

  draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  /** @param {Change} change */
  #changed({ state, before }) {
    if (!before.loaded && state.loaded && this.visible) this.#dividerAt = unread(state)[0]?.id ?? null;
    if (this.client.session.begun || state.unsent.length) this.#tellUnread();
    if (before.status !== state.status && state.status === "online") this.#read();
    this.draw();
  }

  #tellUnread() {
    const count = unread(this.client.state).length;
    this.host.tell({ type: "unread", count });
    if (!this.host.embedded) document.title = count ? `(${count}) ${this.config.name}` : this.config.name;
  }

  #read() {
    if (this.visible && this.parts.thread.atEnd) this.client.seen();
  }

  #draw() {
    const { state } = this.client;
    const now = this.clock.now();
    const { header, thread, notice } = this.parts;
    this.#waiting.note(state, now);
    const [typing] = state.typing.values();
    const isSlow = (/** @type {string} */ key) => this.#waiting.isSlow(key, now);
    const said = this.#notice.text(state, { now, slow: this.#waiting.anySlow(now), networked: navigator.onLine });
    thread.show(
      {
        items: items(state, { now, dividerAt: this.#dividerAt, isSlow, held: this.#notice.held }),
        greeting: this.config.greeting || words.greeting,
        typing: typing ? typing.name : null,
        older: olderPage(state) !== null,
        loaded: state.loaded || !this.client.session.begun,
        now,
      },
      this.times,
    );
    header.show({ name: this.config.name, line: headerLine(state, now), closable: this.host.embedded });
    write(notice, said);
    this.#drawAgain([this.#waiting.nextChange(now), this.#notice.nextChange(now)]);
  }

  /** @param {(number|null)[]} delays milliseconds until something on the screen changes by itself */
  #drawAgain(delays) {
    this.#cancelLater();
    const known = delays.filter((delay) => delay !== null);
    if (known.length) this.#cancelLater = this.clock.after(Math.min(...known), () => this.draw());
  }

  /** @param {string} text */
  #send(text) {
    this.typist.stopped();
    this.client.storage.remove("draft");
    this.#dividerAt = null;
    this.client.send(text);
  }

  /** @param {string} text */
  #wrote(text) {
    if (text) this.client.storage.set("draft", text);
    else this.client.storage.remove("draft");
    this.typist.wrote(text);
  }

  /** @param {{action: "retry"|"sendAgain"|"discard", item: MessageItem}} detail */
  #act({ action, item }) {
    if (item.echoId) this.client[action === "discard" ? "discard" : "retry"](item.echoId);
  }
}
