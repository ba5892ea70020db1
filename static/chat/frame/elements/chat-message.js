/**
 * @import { MessageItem } from "../grouping.js"
 * @import { Times } from "../times.js"
 * @import { Context, Parts } from "../parts.js"
 * @import { QuoteView } from "../grouping.js"
 */
import { isLost, sentence } from "../delivery.js";
import { QUESTIONS, kindsOf, spoken } from "../kinds.js";
import { part } from "../lazy.js";
import { el, initial, mark, write } from "../nodes.js";
import { isEmoji, render } from "../tree.js";
import { words } from "../words.js";

const READABLE = new Set(["text", "incoming_email"]);

/** One message. Fires `chat-action` with `{action, item}`. */
export class ChatMessage extends HTMLElement {
  /** @type {MessageItem|null} */ item = null;
  #face = el("div", { class: "face", "aria-hidden": "true" });
  #name = el("div", { class: "name" });
  #bubble = el("div", { class: "bubble", dir: "auto" });
  #parts = el("div", { class: "parts", "aria-live": "off" });
  #time = el("time");
  #delivery = el("span", { class: "delivery" });
  #actions = el("span", { class: "actions" });
  /** @type {Parts|null} */ #shown = null;
  #isLoading = false;
  #drawn = "";
  #meta = el("div", { class: "meta", "aria-live": "off" }, this.#time, this.#delivery, this.#actions);

  /** @param {Context|null} [context] */
  constructor(context = null) {
    super();
    this.context = context;
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#face, el("div", { class: "stack" }, this.#name, this.#bubble, this.#parts, this.#meta));
    this.tabIndex = -1; // Reached by the arrow keys from the log.
    this.#bubble.addEventListener("click", () => this.classList.toggle("timed"));
  }

  /** @param {MessageItem} item @param {Times} times */
  show(item, times) {
    const before = this.item;
    this.item = item;
    mark(this, "data-message-id", item.id);
    mark(this, "data-echo-id", item.echoId);
    mark(this, "data-state", item.state);
    for (const [name, on] of Object.entries({ own: item.own, first: item.first, last: item.last, said: item.said, removed: item.deleted })) {
      this.classList.toggle(name, on);
    }
    this.#showSender(item);
    if (before?.row !== item.row || before.quote?.removed !== item.quote?.removed) this.#showContent(item);
    this.#showParts(item);
    this.#time.dateTime = new Date(item.at).toISOString();
    write(this.#time, times.time(item.at));
    this.#showDelivery(item, before);
  }

  /** @param {MessageItem} item */
  #showSender({ own, sender }) {
    const name = own ? words.you : sender?.name || words.agent;
    write(this.#name, name);
    if (own || this.#face.dataset.of === `${name} ${sender?.avatar}`) return;
    this.#face.dataset.of = `${name} ${sender?.avatar}`;
    this.#face.replaceChildren(sender?.avatar ? portrait(sender.avatar, name) : initial(name));
  }

  /** Only what differs: all that is put here is read out. @param {MessageItem} item */
  #showContent(item) {
    const kinds = item.deleted ? [] : kindsOf(item);
    const unknown = !item.deleted && !READABLE.has(item.contentType) && !kinds.includes("rich");
    const names = ("files" in item.row ? (item.row.files ?? []) : []).map(({ name }) => name);
    const instead = item.text.length || !kinds.length ? "" : spoken(item);
    const drawn = JSON.stringify([item.text, item.deleted, unknown, item.quote, names, instead, kinds]);
    if (this.#drawn === drawn) return;
    this.#drawn = drawn;
    this.#bubble.replaceChildren(
      ...[item.deleted ? null : quote(item.quote)].filter((node) => node !== null),
      item.deleted ? el("p", {}, words.removed) : render(item.text),
      ...(instead ? [el("p", { class: "unseen" }, instead)] : []),
      ...names.map((name) => el("p", { class: "file" }, name)),
      ...(unknown ? [el("p", { class: "note" }, words.unknownType)] : []),
    );
    this.classList.toggle("bare", !item.deleted && !item.text.length && !item.quote && kinds.length > 0);
    this.classList.toggle("emoji", !item.deleted && !item.quote && isEmoji(item.text));
  }

  /** What is not in the first load: files, questions, cards. @param {MessageItem} item */
  #showParts(item) {
    const kinds = item.deleted ? [] : kindsOf(item);
    this.classList.toggle("with-parts", kinds.length > 0);
    if (this.#shown) this.#shown.update(item, kinds);
    else if (kinds.length && this.context && !this.#isLoading) void this.#loadParts(this.context);
  }

  /** @param {Context} context */
  async #loadParts(context) {
    this.#isLoading = true;
    try {
      const { Parts } = await part("parts", () => import("../parts.js"), context.config);
      this.#shown = new Parts(this.#parts, context, { questions: QUESTIONS, spoken });
    } catch {
      // The next draw tries again.
    }
    this.#isLoading = false;
    const { item } = this;
    if (this.#shown && item) context.keep(() => this.#showParts(item));
  }

  /** @param {MessageItem} item @param {MessageItem|null} before */
  #showDelivery({ delivery, said }, before) {
    write(this.#delivery, delivery && said ? sentence(delivery) : "");
    this.classList.toggle("troubled", delivery !== null && isLost(delivery));
    mark(this, "data-delivery", delivery?.word ?? null);
    if (before?.delivery?.actions.join() === delivery?.actions.join()) return;
    if (this.#actions.contains(document.activeElement)) this.focus({ preventScroll: true }); // What had the focus goes away.
    this.#actions.replaceChildren(...(delivery?.actions ?? []).map((action) => this.#button(action)));
  }

  /** @param {"retry"|"sendAgain"|"discard"} action */
  #button(action) {
    const button = el("button", { type: "button", class: "text-button" }, words[action]);
    button.addEventListener("click", () => {
      this.dispatchEvent(new CustomEvent("chat-action", { bubbles: true, detail: { action, item: this.item } }));
    });
    return button;
  }
}

/** @param {string} src @param {string} name its initial is shown where the picture does not load */
function portrait(src, name) {
  const image = el("img", { src, alt: "", width: "28", height: "28", loading: "lazy", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.replaceWith(initial(name)));
  return image;
}

/** @param {QuoteView|null} quoted @returns {Node|null} */
function quote(quoted) {
  if (!quoted) return null;
  const said = quoted.removed ? words.removed : quoted.text || words.quote.file;
  const who = el("span", { class: "unseen" }, `${quoted.own ? words.quote.own : words.quote.agent}: `);
  return el("p", { class: "quoted", dir: "auto" }, who, said);
}

customElements.define("chat-message", ChatMessage);
