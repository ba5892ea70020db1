/**
 * What hangs below a message's text: files, and what can be answered. Loaded with the first of them. The room of each is
 * kept free until its module and stylesheet are here.
 *
 * @import { ChatClient } from "../client.js"
 * @import { Config } from "../wire.js"
 * @import { MessageItem } from "./grouping.js"
 * @import { Kind } from "./kinds.js"
 * @typedef {{client: ChatClient, config: Config, keep: (change: () => void) => void}} Context `keep`: change the thread
 *   without moving what is read.
 * @typedef {{update: (item: MessageItem) => void}} Part
 * @typedef {{Part: new (holder: HTMLElement, context: Context) => Part}} PartModule
 */
import { el, write } from "./nodes.js";
import { style } from "./styles.js";

const ROOM_PX = { choice: 50, field: 78, card: 190, photo: 135, article: 84, csat: 84, audio: 56, video: 142, image: 192, file: 60 };

/** @type {Record<string, string>} */
const SHEETS = { input_csat: "survey", cards: "cards", article: "cards" };

/** @type {Record<Kind, () => Promise<PartModule>>} */
const MODULES = { media: () => import("./elements/media.js"), rich: () => import("./elements/rich.js") };

/** @param {Kind} kind @param {MessageItem} item @returns {number} pixels, about what it will take */
function room(kind, { contentType, answer, row }) {
  if (!("attributes" in row)) return 0;
  if (kind === "media") {
    const of = (/** @type {string} */ type) => ROOM_PX[/** @type {"file"} */ (type)] ?? ROOM_PX.file;
    return row.attachments.reduce((sum, { type }) => sum + of(type) + 4, 0);
  }
  const items = row.attributes.items ?? [];
  const count = items.length || 1;
  if (contentType === "cards") return ROOM_PX.card + (items.some(({ picture }) => picture) ? ROOM_PX.photo : 0);
  if (contentType === "input_csat") return ROOM_PX.csat;
  if (contentType === "article") return count * ROOM_PX.article;
  if (contentType === "input_select") return (answer ? 1 : count) * ROOM_PX.choice - 6;
  return answer ? count * 48 : count * ROOM_PX.field + 60;
}

/** @type {(() => void)[]} */ let changes = [];

/** Those of one moment in one go: a thread is measured before and after each. @param {Context} context @param {() => void} change */
function together({ keep }, change) {
  changes.push(change);
  if (changes.length > 1) return;
  queueMicrotask(() => {
    const all = changes;
    changes = [];
    keep(() => all.forEach((each) => each()));
  });
}

export class Parts {
  /** @type {Map<Kind, Part|null>} null: it is being loaded */ #parts = new Map();
  /** @type {MessageItem|null} */ #item = null;
  #told = "";

  /** @param {HTMLElement} holder @param {Context|null} context @param {(item: MessageItem) => string} spoken stands in for what does not come */
  constructor(holder, context, spoken) {
    this.spoken = spoken;
    this.holder = holder;
    this.context = context;
  }

  /** @param {MessageItem} item @param {Kind[]} kinds */
  update(item, kinds) {
    const before = this.#item;
    this.#item = item;
    const told = JSON.stringify(item.answer);
    if (before?.row === item.row && told === this.#told) return;
    this.#told = told;
    if (!kinds.length) this.#clear();
    for (const kind of kinds) {
      const part = this.#parts.get(kind);
      if (part) part.update(item);
      else if (part === undefined) void this.#load(kind, item);
    }
  }

  #clear() {
    this.#parts.clear();
    this.holder.replaceChildren();
  }

  /** @param {Kind} kind @param {MessageItem} item */
  async #load(kind, item) {
    if (!this.context) return;
    const box = el("div", { class: `part ${kind}-part` });
    box.style.minBlockSize = `${room(kind, item)}px`;
    this.#parts.set(kind, null);
    this.holder.append(box);
    try {
      const { styles } = this.context.config;
      const sheets = kind === "rich" ? [kind, SHEETS[item.contentType] ?? kind] : [kind];
      const [{ Part }] = await Promise.all([MODULES[kind](), ...sheets.map((name) => style(name, styles))]);
      if (!this.#parts.has(kind) || !this.#item) return; // Removed meanwhile.
      const part = new Part(box, this.context);
      this.#parts.set(kind, part);
      together(this.context, () => {
        box.replaceChildren();
        if (this.#item) part.update(this.#item);
        box.style.minBlockSize = "";
      });
    } catch {
      write(box, this.spoken({ ...item, text: [] }));
      addEventListener("online", () => this.#again(kind, box), { once: true });
    }
  }

  /** @param {Kind} kind @param {HTMLElement} box */
  #again(kind, box) {
    if (this.#parts.get(kind) !== null || !this.#item) return;
    box.remove();
    void this.#load(kind, this.#item);
  }
}
