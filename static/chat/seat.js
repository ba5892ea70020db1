/**
 * Whose thread this device shows, and whose words wait on it. A cursor, a thread, a draft and what is unsent belong to one
 * contact: when another one takes the seat, nothing of the former may be seen or sent any more.
 *
 * One thing after another: a sign-out that began before a sign-in ends before it. What only sites need that tell who
 * sits here is loaded when they do (`person.js`).
 *
 * @import { Clock } from "./clock.js"
 * @import { Connection } from "./connection.js"
 * @import { Filing } from "./filing.js"
 * @import { Attributes, Person } from "./person.js"
 * @import { Session } from "./session.js"
 * @import { Event, State, Unsent } from "./state.js"
 * @import { Storage } from "./storage.js"
 * @import { UnsentStore } from "./unsent.js"
 * @typedef {{session: Session, connection: Connection, storage: Storage, unsent: UnsentStore, filing: Filing, clock: Clock,
 *   state: () => State, dispatch: (event: Event) => void, changed: () => void, expired: () => void,
 *   resume: () => void}} Options
 *   `changed`: somebody else sits here, or nobody. `expired`: who had signed in no longer is. `resume`: connect again, where the chat is looked at.
 */
import { Aside } from "./aside.js";
import { isOf } from "./outgoing.js";
import { Unavailable } from "./troubles.js";

const THEIRS = ["draft", "answer"]; // what keys begin with of drafts, of answers on their way, and of what was asked first

export class Seat {
  /** @type {string|null} as far as the server has said */ contact = null;
  #aside = new Aside();
  #named;
  /** @type {Person|null} */ #person = null;
  /** @type {Promise<unknown>} */ #turn = Promise.resolve();
  /** @type {Promise<unknown>} */ #telling = Promise.resolve();

  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    this.#named = options.session.person !== null;
  }

  /** @param {unknown} told @returns {Promise<boolean>} false: that is who sits here already. Raises like `Person.identify` */
  async identify(told) {
    const isNews = await this.#inTurn(async () => (await this.#loaded()).identify(told));
    if (isNews) this.#seated();
    return isNews;
  }

  /** @returns {Promise<void>} raises Unavailable when only this device has forgotten so far */
  async logout() {
    return this.#inTurn(() => this.#signOut());
  }

  /**
   * Told at once where there is a session, else with the first thing that begins one.
   * @param {Attributes} attributes
   */
  async setAttributes(attributes) {
    await this.#inTurn(async () => {
      (await this.#loaded()).note(attributes);
      this.#tell();
    });
    await this.#telling;
  }

  /** Loads what sites need that name people. */
  async #loaded() {
    if (this.#person) return this.#person;
    const { Person } = await import("./person.js").catch((error) => {
      throw new Unavailable(String(error));
    });
    return (this.#person ??= new Person({ session: this.options.session, leave: () => this.#signOut() }));
  }

  /** @template T @param {() => Promise<T>} act @returns {Promise<T>} */
  #inTurn(act) {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** One after another: what is told later is meant. */
  #tell() {
    const tell = async () => this.options.session.begun && this.#person?.tell();
    this.#telling = this.#telling.then(tell, tell);
    this.#telling.catch(() => {}); // Of what the server refuses there may be nobody left to hear.
  }

  #seated() {
    const { connection, resume } = this.options;
    const { contact } = this;
    this.recognise();
    if (connection.phase === "stopped") connection.stop(); // They may come in where nobody may.
    if (contact !== this.contact) connection.restart();
    resume();
  }

  /** Another tab signed somebody in or out. @param {{left: boolean}} how `left`: it was their wish */
  follow({ left }) {
    const { session, connection, resume } = this.options;
    if (!session.begun) return left ? this.#forget() : this.#partWith(null);
    if (session.person && session.person.contact === this.contact) return;
    session.expire();
    if (session.person) this.#partWith(null);
    connection.restart();
    resume();
  }

  /** There is no session any more. */
  expired() {
    const named = this.#named;
    this.#person?.expired();
    this.#partWith(null);
    if (named) this.options.expired();
  }

  /** There is a session, of whoever it may be. */
  recognise() {
    const { session, state, dispatch } = this.options;
    const { contact } = session;
    const isLeftBehind = session.isNew && state().unsent.some(({ conversation }) => conversation);
    const isNews = this.contact !== contact;
    if (this.contact === null ? isLeftBehind : isNews) this.#partWith(contact);
    this.contact = contact;
    this.#named = session.person?.contact === contact;
    const found = this.#aside.takenBy(contact);
    if (contact && this.#named) dispatch({ type: "owned", contact });
    if (found.length) dispatch({ type: "written", unsent: found });
    this.save();
    if (isNews) this.options.changed();
    this.#tell();
  }

  /** What was shown is somebody else's, or its session has ended. @param {string|null} contact whose turn it is */
  #partWith(contact) {
    const { clock, state, dispatch, changed } = this.options;
    const foreign = state().unsent.filter((unsent) => !isOf(unsent, contact));
    this.#aside.put(foreign, clock.now());
    if (this.#named) this.#dropDrafts();
    this.contact = null;
    this.#named = false;
    dispatch({ type: "signed_out", contact });
    this.save();
    if (contact === null) changed();
  }

  async #signOut() {
    this.options.connection.stop();
    const ended = this.options.session.end();
    this.#clear();
    await ended;
  }

  #forget() {
    this.options.connection.stop();
    this.options.session.forget();
    this.#clear();
  }

  /** On this device nothing may remain of whoever was here. */
  #clear() {
    this.#person?.forget();
    this.contact = null;
    this.#named = false;
    this.#aside.takenBy(null);
    this.options.dispatch({ type: "left" });
    this.options.unsent.clear();
    this.#dropDrafts();
    this.options.changed();
  }

  /** @param {Unsent[]} unsent what a closed tab left behind */
  adopt(unsent) {
    if (!this.contact) this.#aside.put(unsent.filter((one) => !isOf(one, null)), this.options.clock.now());
    this.options.dispatch({ type: "written", unsent: unsent.filter((one) => isOf(one, this.contact)) });
    this.save();
  }

  save() {
    this.options.unsent.save([...this.options.state().unsent, ...this.#aside.kept]);
  }

  #dropDrafts() {
    const { storage, filing } = this.options;
    filing.uploads?.clear();
    for (const key of THEIRS.flatMap((prefix) => storage.keys(prefix))) storage.remove(key);
  }
}
