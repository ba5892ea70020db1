/**
 * What the page around the chat says of a conversation: attributes, and labels. It is told of the one that is looked at;
 * where there is none yet, it is kept until there is. Nothing of it is proven.
 *
 * @import { ChatClient } from "./client.js"
 * @import { Attributes } from "./person.js"
 * @typedef {{attributes?: Attributes, labels?: Record<string, boolean|null>}} Noted of attributes null forgets, of labels
 *   whatever is not true
 * @typedef {keyof Noted} What
 * @typedef {(error: unknown) => void} Late hears why something was not done that had to wait
 */
import { viewed } from "./selectors.js";
import { Refused, SessionGone, Unavailable } from "./troubles.js";

const MOST = 30; // of each, that wait
const AGAIN_MS = 5_000;
const ORDER = /** @type {const} */ (["attributes", "labels"]);
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
  /** @type {Partial<Record<What, Promise<void>>>} not begun yet: what is said until then goes with it */ #coming = {};
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
    await Promise.all([attributes && this.#tell("attributes"), labels && this.#tell("labels")]);
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
    if (this.#isResting || !this.#due) return;
    for (const what of ORDER) if (!this.#coming[what]) this.#tell(what).catch((error) => this.#late(error));
  }

  /** One after another: what is said later is meant. Each hears of its own end. @param {What} what */
  #tell(what) {
    const tell = () => {
      delete this.#coming[what];
      return this.#put(what);
    };
    return (this.#coming[what] ??= this.#telling = this.#telling.then(tell, tell));
  }

  /** @param {What} what */
  async #put(what) {
    const conversation = this.#due;
    const told = this.#untold[what];
    if (!conversation || !Object.keys(told).length) return;
    const era = this.#era;
    this.#untold = { ...this.#untold, [what]: {} };
    try {
      await this.client.session.send("PUT", `/conversations/${conversation}/${what}`, bodyOf(what, told));
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

/** @param {What} what @param {Attributes|Record<string, boolean|null>} told */
function bodyOf(what, told) {
  if (what === "attributes") return { attributes: told };
  const names = Object.keys(told);
  return { add: names.filter((name) => told[name] === true), remove: names.filter((name) => told[name] !== true) };
}
