/**
 * The visitor's conversations, the newest first: the last line of each, whether it is closed, and what is unread. It stands
 * in place of the thread until one is chosen.
 *
 * @import { ChatClient } from "../../client.js"
 * @import { State } from "../../state.js"
 * @import { Conversation } from "../../wire.js"
 * @import { Times } from "../times.js"
 * @typedef {{text: string, at: number, direction: "incoming"|"outgoing", has_files: boolean}} Line
 * @typedef {Conversation & {unread: number, last: Line|null, created_at: number}} Listed
 * @import { Mailing } from "./mailing.js"
 * @typedef {{client: ChatClient, times: Times, mayEnd: boolean, transcript?: "never"|"own"|"any", thread: HTMLElement,
 *   opener: HTMLElement}} Options
 */
import { viewed } from "../../selectors.js";
import { icon } from "../icons.js";
import { el, write } from "../nodes.js";
import "../later.js";
import { words } from "../words.js";

const AGAIN_MS = 300; // What changes at once is read at once.

/** @param {string} name @param {string} text @param {() => void} act */
function button(name, text, act) {
  const element = el("button", { type: "button", class: name }, text);
  element.addEventListener("click", act);
  return element;
}

export class ChatList extends HTMLElement {
  /** @type {Options|null} */ #options = null;
  /** @type {Listed[]} */ #listed = [];
  #more = false;
  /** @type {string|null} about to be ended */ #ending = null;
  /** @type {() => void} */ #stop = () => {};
  /** @type {() => void} */ #cancel = () => {};
  #back = el("button", { type: "button", class: "quiet-button", "aria-label": words.talks.back }, icon("before"));
  #rows = el("ol", { class: "talks", tabindex: "-1" });
  #older = button("text-button", words.talks.older, () => void this.#read({ older: true }));
  /** @type {Mailing|null} */ #mailing = null;
  #remark = el("p", { class: "remark", role: "status" });
  #begin = button("begin", words.talks.begin, () => this.#leave(() => this.#options?.client.begin()));

  connectedCallback() {
    if (this.firstChild) return;
    this.setAttribute("role", "region");
    this.ariaLabel = words.talks.list;
    this.append(el("div", { class: "talks-head" }, this.#back, el("h2", {}, words.talks.list)), this.#rows, this.#older, this.#remark, this.#begin);
    this.#back.addEventListener("click", () => this.#leave());
    this.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.stopPropagation(); // Only the list closes.
      this.#leave();
    });
  }

  /** @param {Options} options */
  open(options) {
    this.#empty();
    this.#options = options;
    this.hidden = false;
    options.thread.before(this);
    this.parentElement?.classList.add("covered");
    const { client } = options;
    const stops = [
      client.on("change", (change) => isNews(change) && this.#readSoon()),
      client.on("status", ({ state }) => state.status === "online" && this.#readSoon()),
      client.on("person", () => this.#parted()),
    ];
    this.#stop = () => stops.forEach((stop) => stop());
    this.#back.focus();
    void this.#read({ older: false });
    if (options.transcript && options.transcript !== "never") void this.#offer(options.client, options.transcript);
  }

  /** Nothing is kept of what was listed, nor comes of what was asked for. */
  #empty() {
    this.#stop();
    this.#options = null;
    this.#listed = [];
    this.#rows.replaceChildren();
    this.#older.hidden = true;
    this.#mailing?.element.remove();
    this.#mailing = null;
    write(this.#remark, "");
  }

  /** Somebody else sits here, or nobody. */
  #parted() {
    this.#leave();
    this.#empty();
  }

  /** The conversation by e-mail, to whom it may go. @param {ChatClient} client @param {"own"|"any"} allowed */
  async #offer(client, allowed) {
    const options = this.#options;
    try {
      const { Mailing } = await import("./mailing.js");
      const mailing = await Mailing.of({ client, allowed });
      if (options !== this.#options) return;
      this.#mailing = mailing;
      if (mailing) this.#remark.before(mailing.element);
      this.#draw();
    } catch {
      // The next opening tries again.
    }
  }

  /** @param {() => void} [act] */
  #leave(act) {
    this.#mailing?.clear();
    this.#stop();
    this.#cancel();
    this.hidden = true;
    this.#ending = null;
    this.parentElement?.classList.remove("covered");
    act?.();
    this.#options?.opener.focus();
  }

  #readSoon() {
    this.#cancel();
    this.#cancel = this.#options?.client.clock.after(AGAIN_MS, () => void this.#read({ older: false })) ?? (() => {});
  }

  /** @param {{older: boolean}} what `older`: the page after those that are shown */
  async #read({ older }) {
    const last = older ? this.#listed.at(-1) : null;
    const options = this.#options;
    try {
      const page = await options?.client.session.get(`/conversations?limit=20${last ? `&before=${last.id}` : ""}`);
      if (options !== this.#options) return;
      if (last || this.#listed.length <= page.conversations.length) this.#more = page.more;
      this.#listed = last ? [...this.#listed, ...page.conversations] : refreshed(this.#listed, page);
      write(this.#remark, "");
    } catch {
      if (options !== this.#options) return;
      write(this.#remark, words.talks.lost);
    }
    this.#draw();
  }

  #draw() {
    const { client } = this.#options ?? {};
    const shown = client && viewed(client.state)?.id;
    const held = this.contains(document.activeElement) && document.activeElement?.closest("li")?.dataset.id;
    this.#rows.replaceChildren(...this.#listed.map((row) => this.#row(row, row.id === shown)));
    this.#older.hidden = !this.#more;
    const again = held ? this.#rows.querySelector(`li[data-id="${held}"] button`) : null;
    if (again instanceof HTMLElement) again.focus();
  }

  /** @param {Listed} row @param {boolean} isShown */
  #row({ id, status, unread, last, created_at }, isShown) {
    const { client, times } = /** @type {Options} */ (this.#options);
    const isGone = [...client.state.messages.values()].some((row) => row.deleted && row.conversation === id && row.at === last?.at);
    const text = last && !isGone ? last.text || words.quote.file : words.talks.empty;
    const when = times.day(last?.at ?? created_at, client.clock.now());
    const open = el(
      "button",
      { type: "button", class: "talk", "aria-current": isShown ? "true" : null },
      el("span", { class: "talk-text", dir: "auto" }, last?.direction === "incoming" ? `${words.you}: ${text}` : text),
      el("span", { class: "talk-meta" }, status === "resolved" ? `${when} · ${words.talks.closed}` : when),
      unread > 0 && el("span", { class: "count" }, words.jump(unread)),
    );
    open.addEventListener("click", () => this.#leave(() => client.view(id)));
    return el("li", { "data-id": id }, open, this.#ends(id, status));
  }

  /** @param {string} id @param {Conversation["status"]} status */
  #ends(id, status) {
    const mail = this.#mailing?.button(id) ?? null;
    if (status === "resolved" || !this.#options?.mayEnd) return mail && el("div", { class: "talk-end" }, mail);
    const ask = (/** @type {string|null} */ ending) => {
      this.#ending = ending;
      this.#draw();
    };
    if (this.#ending !== id) return el("div", { class: "talk-end" }, button("text-button", words.talks.end, () => ask(id)), mail);
    const now = button("text-button", words.talks.endNow, () => void this.#end(id));
    return el("div", { class: "talk-end" }, now, button("text-button", words.talks.keep, () => ask(null)));
  }

  /** @param {string} id */
  async #end(id) {
    try {
      await this.#options?.client.resolve(id);
    } catch {
      return write(this.#remark, words.launcher.unreachable);
    }
    this.#ending = null;
    await this.#read({ older: false });
  }
}

/** @param {{state: State, before: State}} change */
function isNews({ state, before }) {
  return state.conversations !== before.conversations || state.messages !== before.messages;
}

/** The first page anew; what "older" brought stays below it. @param {Listed[]} listed @param {{conversations: Listed[], more: boolean}} page */
function refreshed(listed, { conversations, more }) {
  const ids = new Set(conversations.map(({ id }) => id));
  return more ? [...conversations, ...listed.filter(({ id }) => !ids.has(id))] : conversations;
}

customElements.define("chat-list", ChatList);
