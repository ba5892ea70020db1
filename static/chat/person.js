/**
 * Who sits here, as the site around us says, and what is known of them.
 *
 * @import { Session } from "./session.js"
 * @typedef {Record<string, string|number|boolean|null>} Attributes `name`, `email`, `phone`, and whatever else agents
 *   shall read; null forgets. Nothing of it is proven.
 */
import { claimOf, gistOf, whoOf } from "./claim.js";
import { Refused, Unavailable } from "./troubles.js";

const FIELDS = new Set(["name", "email", "phone"]);
const MOST_ATTRIBUTES = 23; // 20 of the server's, and the fields

export class Person {
  #gist = "";
  /** @type {Attributes} what the server has not been told yet */ #untold = {};
  #era = 0;

  /** @param {{session: Session, leave: () => Promise<void>}} options `leave`: forget here whoever it was, and sign out */
  constructor({ session, leave }) {
    this.session = session;
    this.leave = leave;
  }

  /**
   * @param {unknown} told as `claimOf` reads it @returns {Promise<boolean>} false: that is who sits here already, and
   *   nothing was to be done. Raises Refused for what proves nothing; somebody else who was signed in is signed out then, too.
   */
  async identify(told) {
    const claim = claimOf(told);
    if (!claim) throw new Refused("bad_identity", "Give a token, or an identifier with its hash.");
    const { person } = this.session;
    if (gistOf(claim) === this.#gist && person) return false;
    const who = whoOf(claim);
    if (person && who && person.who !== who) await this.leave();
    await this.session.identify(claim, who);
    this.#gist = gistOf(claim);
    return true;
  }

  /** The session has ended: the same claim is news again. */
  expired() {
    this.#gist = "";
  }

  /** They leave. */
  forget() {
    this.#era += 1;
    this.#gist = "";
    this.#untold = {};
  }

  /** To be told with the next `tell`. @param {Attributes} attributes */
  note(attributes) {
    const all = { ...this.#untold, ...attributes };
    if (Object.keys(all).length > MOST_ATTRIBUTES) throw new Refused("too_many_attributes", "There are at most 20 attributes.");
    this.#untold = all;
  }

  /** There is a session: tell what is still to be told. Raises Refused; what could not be told for now is kept. */
  async tell() {
    const told = this.#untold;
    if (!Object.keys(told).length) return;
    this.#untold = {};
    const era = this.#era;
    try {
      await this.session.send("PATCH", "/contact", profile(told));
    } catch (error) {
      if (era !== this.#era) return; // Of somebody who has left since.
      if (error instanceof Unavailable) this.#untold = { ...told, ...this.#untold };
      else throw error;
    }
  }
}

/** @param {Attributes} told */
function profile(told) {
  const entries = Object.entries(told);
  const fields = Object.fromEntries(entries.filter(([name]) => FIELDS.has(name)));
  const attributes = Object.fromEntries(entries.filter(([name]) => !FIELDS.has(name)));
  return Object.keys(attributes).length ? { ...fields, attributes } : fields;
}
