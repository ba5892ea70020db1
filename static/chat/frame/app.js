/**
 * Joins the client and the elements: events go in, one view per animation frame comes out.
 *
 * @import { ChatClient, Change } from "../client.js"
 * @import { Config } from "../wire.js"
 * @import { Bell } from "./bell.js"
 * @import { Host } from "./host.js"
 * @import { State } from "../state.js"
 * @import { MessageItem } from "./grouping.js"
 * @import { ChatComposer } from "./elements/chat-composer.js"
 * @import { ChatHeader } from "./elements/chat-header.js"
 * @import { ChatThread } from "./elements/chat-thread.js"
 * @typedef {typeof import("./messages.js")} Messages
 * @typedef {{header: ChatHeader, thread: ChatThread, notice: HTMLElement, composer: ChatComposer}} Parts
 */
import { systemClock } from "../clock.js";
import { olderPage, unread, unsentInView, viewed } from "../selectors.js";
import { Composing } from "./composing.js";
import { headerLine } from "./header-line.js";
import { untilChange } from "./hours.js";
import { part, pause } from "./lazy.js";
import { write } from "./nodes.js";
import { Notice } from "./notice.js";
import { style } from "./styles.js";
import { Times } from "./times.js";
import { Typist } from "./typist.js";
import { words } from "./words.js";

const BELL_MS = 3_000; // Opening comes first; nothing rings that soon.

export class App {
  open = false;
  /** @type {string|null} */ #dividerAt = null;
  #drawing = false;
  /** @type {Messages|null} null: there was none to show yet */ #messages = null;
  /** @type {Promise<Messages>|null} */ #coming = null;
  /** @type {import("./delivery.js").Waiting|null} */ #waiting = null;
  #notice = new Notice();
  /** @type {Promise<Bell>|null} */ #bell = null;
  /** @type {Promise<void>|null} */ #learning = null;
  /** @type {Promise<void>|null} */ #helping = null;
  /** @type {HTMLElement|null} */ #choice = null;
  /** @type {string|null} closed, and the visitor writes there all the same */ #goesOn = null;
  /** Whether a visitor may end a conversation; the page around us may not want that. */ mayEnd = true;
  /** What the header says. */ line = headerLine;
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
    const sending = () => void (this.#dividerAt = null);
    const ready = () => (this.#messages ? null : this.messages());
    this.composing = new Composing({ client, config, composer: parts.composer, typist: this.typist, sending, ready });
  }

  start() {
    const { header, thread } = this.parts;
    thread.context = { client: this.client, config: this.config, keep: (change) => thread.keep(change) };
    this.composing.start();
    if (this.client.session.begun) void this.messages();
    this.parts.composer.addEventListener("chat-wrote", () => void this.messages());
    this.client.on("change", (change) => this.#changed(change));
    header.addEventListener("chat-close", () => this.host.tell({ type: "close" }));
    thread.addEventListener("chat-older", () => void this.client.older());
    thread.addEventListener("chat-read", () => this.#read());
    thread.addEventListener("chat-action", (event) => this.#act(/** @type {CustomEvent} */ (event).detail));
    header.addEventListener("chat-list", () => void this.#list());
    thread.addEventListener("chat-suggest", (event) => this.composing.suggest(/** @type {CustomEvent} */ (event).detail));
    header.addEventListener("chat-mute", () => this.#mute());
    this.looked();
    // The first time takes a browser long to write. Where there will be one it is tried before anybody waits for it.
    if (this.client.session.begun) this.clock.after(0, () => this.times.time(this.clock.now()));
    this.#draw(); // At once: behind a panel that is about to show, the next animation frame comes after the first paint.
  }

  /** @returns {boolean} whether somebody can see the chat */
  get visible() {
    return this.open && document.visibilityState === "visible";
  }

  /** Opened, closed, hidden or shown: call it after each. */
  looked() {
    this.client.look(this.visible);
    if (this.visible) this.#divide();
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
    if (this.#bell) this.#ring({ state, before });
    else if (!before.loaded && state.loaded) this.clock.after(BELL_MS, () => this.#ring({ state: this.client.state, before: state }));
    if (!before.loaded && state.loaded && this.visible) this.#divide();
    if (isTurned(state, before)) this.#turned();
    if (this.client.session.begun || state.unsent.length) this.#tellUnread();
    if (before.status !== state.status && state.status === "online") this.#read();
    this.draw();
  }

  /** Where a conversation is closed the visitor may be asked what writing is to do. @param {State} state */
  async #ask(state) {
    const view = viewed(state);
    const asks = this.config.resolved === "ask" && view?.status === "resolved" && view.id !== this.#goesOn && !unsentInView(state).length;
    const { composer } = this.parts;
    if (!asks) {
      if (this.#choice) composer.hidden = false;
      this.#choice?.remove();
      this.#choice = null;
    } else if (!this.#choice) {
      const choosing = part("choice", () => import("./elements/chat-choice.js"), this.config);
      const [{ ChatChoice }] = await Promise.all([choosing, style("list", this.config.styles)]);
      if (this.#choice || viewed(this.client.state)?.id !== view.id) return;
      const chosen = () => (this.#draw(), composer.focusField()); // At once: what is hidden takes no focus.
      const goOn = () => ((this.#goesOn = view.id), chosen());
      const begin = () => (this.client.begin(), chosen());
      this.#choice = new ChatChoice({ goOn, begin });
      composer.hidden = true;
      composer.before(this.#choice);
    }
  }

  /** Another conversation is shown than before. */
  #turned() {
    this.parts.thread.turn();
    this.#divide();
  }

  #divide() {
    const { state } = this.client;
    const view = viewed(state)?.id;
    this.#dividerAt = unread(state).find(({ conversation }) => conversation === view)?.id ?? null;
  }

  /** @param {Change} change */
  #ring(change) {
    const { storage } = this.client;
    this.#bell ??= import("./bell.js").then(({ Bell }) => new Bell({ storage, clock: this.clock, looked: () => this.visible }));
    this.#bell.then((bell) => bell.note(change)).catch(() => (this.#bell = null));
  }

  #mute() {
    const { storage } = this.client;
    if (storage.get("muted")) storage.remove("muted");
    else storage.set("muted", true);
    this.draw();
  }

  #tellUnread() {
    const count = unread(this.client.state).length;
    this.host.happened("unread", count);
    if (!this.host.embedded) document.title = count ? `(${count}) ${this.config.name}` : this.config.name;
  }

  #read() {
    if (this.visible && !this.parts.thread.closest(".covered") && this.parts.thread.atEnd) this.client.seen();
  }

  #draw() {
    const { state } = this.client;
    const now = this.clock.now();
    const { header, thread, notice } = this.parts;
    const waiting = this.#waiting;
    waiting?.note(state, now);
    const view = viewed(state)?.id ?? "";
    const typing = state.typing.get(view);
    const isSlow = (/** @type {string} */ key) => waiting?.isSlow(key, now) ?? false;
    const said = this.#notice.text(state, { now, slow: waiting?.anySlow(now) ?? false, networked: navigator.onLine, resolved: this.config.resolved });
    const isEmpty = !state.messages.size && !state.unsent.length;
    const shown = this.#messages?.items(state, { now, dividerAt: this.#dividerAt, isSlow, held: this.#notice.held }) ?? [];
    if (!isEmpty) void this.messages();
    if (!("reasons" in words) && shown.some((item) => "delivery" in item && item.delivery?.word === "failed")) this.#learnReasons();
    const loaded = (state.loaded || !this.client.session.begun) && (isEmpty || this.#messages !== null);
    if (this.config.articles && this.open && loaded && !shown.length) this.#help();
    thread.show(
      {
        items: shown,
        greeting: this.config.greeting || words.greeting,
        suggestions: this.config.suggestions,
        typing: typing ? typing.name : null,
        older: this.#messages !== null && olderPage(state) !== null,
        loaded,
        now,
      },
      this.times,
    );
    const { openings, name } = this.config;
    const muted = this.client.session.begun ? this.client.storage.get("muted") === true : null;
    const others = state.conversations.size ? unread(state).filter(({ conversation }) => conversation !== view).length : null;
    header.show({ name, line: this.line(state, now, { openings, times: this.times }), closable: this.host.closable, muted, others });
    write(notice, said);
    this.#ask(state).catch(() => {}); // Then writing opens it again.
    this.#drawAgain([waiting?.nextChange(now) ?? null, this.#notice.nextChange(now), untilChange(openings, now)]);
  }

  /** What the help centre says, above an empty chat. */
  #help() {
    this.#helping ??= part("help", () => import("./help.js"), this.config).then(
      ({ help }) => help(this),
      () => void (this.#helping = null),
    );
  }

  /** The list of conversations, in place of the one that is shown. */
  async #list() {
    const { client, config, times } = this;
    const { header, thread, composer } = this.parts;
    try {
      const { ChatList } = await part("list", () => import("./elements/chat-list.js"), config);
      const list = document.querySelector("chat-list") ?? new ChatList();
      /** @type {InstanceType<typeof ChatList>} */ (list).open({ client, times, mayEnd: this.mayEnd, transcript: config.transcript, thread, opener: header.opener });
    } catch {
      composer.remark(words.composer.unloaded);
    }
  }

  /** @returns {Promise<Messages>} what shows them; waits for the network where it has to */
  messages() {
    return (this.#coming ??= this.#load());
  }

  async #load() {
    const { config } = this;
    for (let tries = 0; ; tries += 1) {
      try {
        const isStyled = style("message", config.styles);
        const messages = await part("messages", () => import("./messages.js"), config, isStyled);
        if (!(await isStyled)) throw new Error("the stylesheet of messages did not come");
        this.#messages = this.parts.thread.messages = messages;
        this.#waiting = new messages.Waiting();
        if (tries) this.parts.composer.remark("");
        this.draw();
        return messages;
      } catch {
        this.parts.composer.remark(words.composer.unloaded);
        await pause(this.clock);
      }
    }
  }

  /** Until they are here, or can be had, the server's own words stand in for them. */
  #learnReasons() {
    this.#learning ??= import("./later.js").then(
      () => this.draw(),
      () => void (this.#learning = null),
    );
  }

  /** @param {(number|null)[]} delays milliseconds until something on the screen changes by itself */
  #drawAgain(delays) {
    this.#cancelLater();
    const known = delays.filter((delay) => delay !== null);
    if (known.length) this.#cancelLater = this.clock.after(Math.min(...known), () => this.draw());
  }

  /** @param {{action: "retry"|"sendAgain"|"discard", item: MessageItem}} detail */
  #act({ action, item }) {
    if (item.echoId) this.client[action === "discard" ? "discard" : "retry"](item.echoId);
  }
}

/** Somebody chose another conversation, or one that nobody chose has something new. @param {State} state @param {State} before */
function isTurned(state, before) {
  if (state.begins !== before.begins) return state.begins !== null || state.shown === null;
  const former = viewed(before);
  return former !== null && former.id !== viewed(state)?.id;
}
