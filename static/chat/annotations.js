/**
 * What the page around the chat says of a conversation: attributes, and labels. It is told of the one that is looked at;
 * where there is none yet, it is kept until there is. Nothing of it is proven.
 *
 * @import { ChatClient } from "./client.js"
 * @import { Attributes } from "./person.js"
 * @typedef {{attributes?: Attributes, labels?: Record<string, boolean|null>}} Noted of attributes null forgets, of labels
 *   whatever is not true
 * @typedef {(error: unknown) => void} Late hears why something was not done that had to wait
 */
import { viewed } from "./selectors.js";
import { Refused, SessionGone, Unavailable } from "./troubles.js";

const MOST = 30; // of each, that wait
const AGAIN_MS = 5_000;
/** @type {WeakMap<ChatClient, Annotations>} */
const known = new WeakMap();

/** @param {ChatClient} client @returns {Annotations} the client's own */
export function annotationsOf(client) {
  const found = known.get(client) ?? new Annotations(client);
  known.set(client, found);
  return found;
}

class Annotations {
  /** @type {Required<Noted>} what the server has not been told yet */ #untold = { attributes: {}, labels: {} };
  /** @type {Late} */ #late = (error) => console.warn(error);
  /** @type {Promise<void>} */ #telling = Promise.resolve();
  #era = 0;
  #isResting = false;

  /** @param {ChatClient} client */
  constructor(client) {
    this.client = client;
    client.on("change", () => this.#next());
    client.on("person", () => client.session.begun || this.#forget());
  }

  /** @param {Noted} noted @param {Late} [late] Raises Refused */
  async note({ attributes, labels }, late) {
    if (late) this.#late = late;
    const all = { attributes: { ...this.#untold.attributes, ...attributes }, labels: { ...this.#untold.labels, ...labels } };
    if (Object.values(all).some((each) => Object.keys(each).length > MOST)) throw new Refused("too_many_attributes", "This is too much.");
    this.#untold = all;
    await this.#tell();
  }

  /** They leave. */
  #forget() {
    this.#era += 1;
    this.#untold = { attributes: {}, labels: {} };
  }

  /** @returns {string|undefined} of which conversation something is to be told now */
  get #due() {
    const { attributes, labels } = this.#untold;
    const isDue = this.client.session.begun && Object.keys(attributes).length + Object.keys(labels).length > 0;
    return isDue ? viewed(this.client.state)?.id : undefined;
  }

  /** There may be one now. */
  #next() {
    if (!this.#isResting && this.#due) this.#tell().catch((error) => this.#late(error));
  }

  /** One after another: what is said later is meant. */
  #tell() {
    const tell = async () => {
      try {
        if (this.#due) await this.#put("attributes", (attributes) => ({ attributes }));
      } finally {
        if (this.#due) await this.#put("labels", changes);
      }
    };
    this.#telling = this.#telling.then(tell, tell);
    return this.#telling;
  }

  /** @param {"attributes"|"labels"} what @param {(values: any) => object} body */
  async #put(what, body) {
    const conversation = this.#due;
    const told = this.#untold[what];
    if (!Object.keys(told).length) return;
    const era = this.#era;
    this.#untold = { ...this.#untold, [what]: {} };
    try {
      await this.client.session.send("PUT", `/conversations/${conversation}/${what}`, body(told));
    } catch (error) {
      if (era !== this.#era || error instanceof SessionGone) return; // Of somebody who has left since.
      if (!(error instanceof Unavailable)) throw error;
      this.#untold = { ...this.#untold, [what]: { ...told, ...this.#untold[what] } };
      this.#rest(error.afterMs);
    }
  }

  /** @param {number} afterMs */
  #rest(afterMs) {
    this.#isResting = true;
    this.client.clock.after(Math.max(afterMs, AGAIN_MS), () => {
      this.#isResting = false;
      this.#next();
    });
  }
}

/** @param {Record<string, boolean|null>} labels */
function changes(labels) {
  const names = Object.keys(labels);
  return { add: names.filter((name) => labels[name] === true), remove: names.filter((name) => labels[name] !== true) };
}
