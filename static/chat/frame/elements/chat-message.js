/**
 * @import { MessageItem } from "../grouping.js"
 * @import { Times } from "../times.js"
 * @import { Attachment } from "../../wire.js"
 */
import { isLost, sentence } from "../delivery.js";
import { el, mark, write } from "../nodes.js";
import { render } from "../tree.js";
import { words } from "../words.js";

const PLAIN_TYPES = new Set(["text"]);

/** One message. Fires `chat-action` with `{action, item}`. */
export class ChatMessage extends HTMLElement {
  /** @type {MessageItem|null} */ item = null;
  #face = el("div", { class: "face", "aria-hidden": "true" });
  #name = el("div", { class: "name" });
  #bubble = el("div", { class: "bubble", dir: "auto" });
  #time = el("time");
  #delivery = el("span", { class: "delivery" });
  #actions = el("span", { class: "actions" });
  #meta = el("div", { class: "meta", "aria-live": "off" }, this.#time, this.#delivery, this.#actions);

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#face, el("div", { class: "stack" }, this.#name, this.#bubble, this.#meta));
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
    if (before?.row !== item.row) this.#showContent(item);
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
    const initial = document.createTextNode(Array.from(name)[0]?.toUpperCase() ?? "");
    this.#face.replaceChildren(sender?.avatar ? portrait(sender.avatar, initial) : initial);
  }

  /** @param {MessageItem} item */
  #showContent(item) {
    if (item.deleted) return this.#bubble.replaceChildren(el("p", {}, words.removed));
    const files = "attachments" in item.row ? item.row.attachments : [];
    const known = PLAIN_TYPES.has(item.contentType) && (item.own || !files.length); // What they sent, visitors have.
    this.#bubble.replaceChildren(render(item.text), ...files.map(fileLine));
    if (!known) this.#bubble.append(el("p", { class: "note" }, words.unknownType));
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

/** @param {string} src @param {Node} initial shown where the picture does not load */
function portrait(src, initial) {
  const image = el("img", { src, alt: "", width: "28", height: "28", loading: "lazy", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.replaceWith(initial));
  return image;
}

/** @param {Attachment} file */
function fileLine({ name, size }) {
  return el("p", { class: "file" }, name, el("span", { class: "note" }, ` ${kilobytes(size)}`));
}

/** @param {number} bytes */
function kilobytes(bytes) {
  const unit = bytes < 1_000_000 ? "kilobyte" : "megabyte";
  const amount = bytes / (unit === "kilobyte" ? 1_000 : 1_000_000);
  return new Intl.NumberFormat(undefined, { style: "unit", unit, maximumFractionDigits: 1 }).format(amount);
}

customElements.define("chat-message", ChatMessage);
