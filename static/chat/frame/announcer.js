/**
 * Says aloud, to screen readers, what became of a message after it was written: that is no addition to the log.
 * @import { Item } from "./grouping.js"
 */
import { isLost, sentence } from "./delivery.js";
import { el, write } from "./nodes.js";

export class Announcer {
  element = el("p", { class: "unseen", "aria-live": "polite" });
  /** @type {Map<string, import("./delivery.js").Delivery>} */ #known = new Map();

  /** @param {Item[]} items @param {boolean} news false: these were there when the page was opened */
  note(items, news) {
    /** @type {Map<string, import("./delivery.js").Delivery>} */
    const lost = new Map();
    for (const item of items) {
      if (item.kind === "message" && item.delivery && isLost(item.delivery)) lost.set(item.key, item.delivery);
    }
    // The same loss in other words, because its reason has been learnt in the visitor's language, is no news.
    const fresh = [...lost].findLast(([key, { word }]) => this.#known.get(key)?.word !== word);
    this.#known = lost;
    if (!lost.size) write(this.element, ""); // So that the same words are heard again.
    if (news && fresh) write(this.element, sentence(fresh[1]));
  }
}
