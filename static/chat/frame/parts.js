/**
 * What hangs below a message's text: files, and what can be answered. Loaded with the first of them. The room of each is
 * kept free until its module and stylesheet are here.
 *
 * @import { ChatClient } from "../client.js"
 * @import { Config } from "../wire.js"
 * @import { MessageItem } from "./grouping.js"
 * @import { Kind, Question } from "./kinds.js"
 * @typedef {{client: ChatClient, config: Config, keep: (change: () => void) => void}} Context `keep`: change the thread
 *   without moving what is read.
 * @typedef {{questions: Record<string, Question>, spoken: (item: MessageItem) => string}} Known `spoken` stands in for what does not
 *   come. Handed in: a file of its own would otherwise be asked for before the first message.
 * @typedef {{update: (item: MessageItem) => void}} Part
 * @typedef {{Part: new (holder: HTMLElement, context: Context) => Part}} PartModule
 */
import { part, pause } from "./lazy.js";
import { el, write } from "./nodes.js";
import { style } from "./styles.js";

const MEDIA_PX = { audio: 56, video: 142, image: 192, file: 60 };

/** @type {Record<Kind, () => Promise<PartModule>>} */
const MODULES = { media: () => import("./elements/media.js"), rich: () => import("./elements/rich.js") };

/** @param {Kind} kind @param {MessageItem} item @param {Known} known @returns {number} pixels, about what it will take */
function room(kind, { contentType, answer, row }, { questions }) {
  if (!("attributes" in row)) return 0;
  if (kind === "media") {
    const of = (/** @type {string} */ type) => MEDIA_PX[/** @type {"file"} */ (type)] ?? MEDIA_PX.file;
    return row.attachments.reduce((sum, { type }) => sum + of(type) + 4, 0);
  }
  const { items = [] } = row.attributes;
  return questions[contentType]?.room(items.length ? items : [{}], answer !== null) ?? 0;
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

  /** @param {HTMLElement} holder @param {Context} context @param {Known} known */
  constructor(holder, context, known) {
    this.known = known;
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
      const shown = this.#parts.get(kind);
      if (shown) shown.update(item);
      else if (shown === undefined) void this.#load(kind, item);
    }
  }

  #clear() {
    this.#parts.clear();
    this.holder.replaceChildren();
  }

  /** @param {Kind} kind @param {MessageItem} item */
  async #load(kind, item) {
    const box = el("div", { class: `part ${kind}-part` });
    box.style.minBlockSize = `${room(kind, item, this.known)}px`;
    this.#parts.set(kind, null);
    this.holder.append(box);
    try {
      const { config } = this.context;
      const sheet = this.known.questions[item.contentType]?.sheet ?? kind;
      const [{ Part }] = await Promise.all([part(kind, MODULES[kind], config), style(sheet, config.styles)]);
      if (!this.#parts.has(kind) || !this.#item) return; // Removed meanwhile.
      const shown = new Part(box, this.context);
      this.#parts.set(kind, shown);
      together(this.context, () => {
        box.replaceChildren();
        if (this.#item) shown.update(this.#item);
        box.style.minBlockSize = "";
      });
    } catch {
      write(box, this.known.spoken({ ...item, text: [] }));
      void pause(this.context.client.clock).then(() => this.#again(kind, box));
    }
  }

  /** @param {Kind} kind @param {HTMLElement} box */
  #again(kind, box) {
    if (this.#parts.get(kind) !== null || !this.#item) return;
    box.remove();
    void this.#load(kind, this.#item);
  }
}
