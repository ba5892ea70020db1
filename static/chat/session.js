/**
 * The visitor's session: begun by the first thing they write, refreshed by a cookie that scripts cannot
 * read. The access token lives in memory only. A flag in storage says that there once was a session, so
 * that newcomers cost the server nothing.
 *
 * @import { Clock } from "./clock.js"
 * @import { Locked } from "./locks.js"
 * @import { Storage } from "./storage.js"
 * @import { SessionAnswer } from "./wire.js"
 */
import { Lease } from "./lease.js";

/** There is no session (any more): the visitor is a newcomer. */
export class SessionGone extends Error {}
/** No such inbox, or it may not be used from here: asking again would not help. */
export class Closed extends Error {}
/** No answer, or one that says "later". */
export class Unavailable extends Error {
  /** @param {string} message @param {number} [afterMs] not before the server wants us again */
  constructor(message, afterMs = 0) {
    super(message);
    this.afterMs = afterMs;
  }
}

const EARLY_MS = 30_000;
const TIMEOUT_MS = 15_000;
const LOCK_PATIENCE_MS = 20_000; // One answer that never comes, and a little.
export const BEGUN = "begun";

export class Session {
  /** @type {string|null} whose session it is; another one's after a sign-out in another tab */ contact = null;
  /** It was begun here, so what was written before it belongs to nobody's conversation. */ isNew = false;
  #token = "";
  #validUntil = 0;

  /**
   * @param {{inbox: string, api: string, fetch: typeof globalThis.fetch, storage: Storage, clock: Clock, locked: Locked,
   *   random?: () => number}} options
   */
  constructor({ inbox, api, fetch, storage, clock, locked, random }) {
    this.inbox = inbox;
    this.api = api;
    this.fetch = fetch;
    this.storage = storage;
    this.clock = clock;
    this.locked = locked;
    this.lease = new Lease({ storage, clock, key: "beginning", random });
  }

  /** @returns {boolean} whether this browser ever had a session here */
  get begun() {
    return this.storage.get(BEGUN) === true;
  }

  /** @returns {Promise<string>} an access token good for some seconds; raises SessionGone, Closed, Unavailable */
  async token() {
    return this.#valid() ? this.#token : this.#alone(() => this.#renew());
  }

  /** Like `token`, but makes the session where there is none. @returns {Promise<string>} */
  async begin() {
    if (this.#valid()) return this.#token;
    return this.#alone((alone) => (alone ? this.#beginning() : this.lease.during(() => this.#beginning())));
  }

  /** The server did not know the token: ask for a new one next time. */
  expire() {
    this.#token = "";
  }

  /**
   * @param {string} path below the API's root
   * @returns {Promise<any>} the parsed answer to an authorised GET
   */
  async get(path) {
    const headers = { Authorization: `Bearer ${await this.token()}` };
    return this.#answer(path, { headers });
  }

  #valid() {
    return this.#token !== "" && this.clock.now() < this.#validUntil - EARLY_MS;
  }

  /** Two tabs that begin or refresh at the same moment would make two visitors of one. @param {(alone: boolean) => Promise<string>} work */
  async #alone(work) {
    return this.locked(`${this.storage.prefix}session`, work, LOCK_PATIENCE_MS);
  }

  async #beginning() {
    try {
      return await this.#renew();
    } catch (error) {
      if (!(error instanceof SessionGone)) throw error;
      const token = this.#keep(await this.#post("/session", { inbox: this.inbox, kind: "browser" }));
      this.isNew = true;
      return token;
    }
  }

  async #renew() {
    if (!this.begun) throw new SessionGone();
    try {
      return this.#keep(await this.#post("/session/refresh", { inbox: this.inbox }));
    } catch (error) {
      if (error instanceof SessionGone) this.storage.remove(BEGUN);
      throw error;
    }
  }

  /** @param {SessionAnswer} answer */
  #keep(answer) {
    this.#token = answer.access_token;
    this.contact = answer.contact;
    this.#validUntil = this.clock.now() + answer.expires_in * 1000;
    if (!this.begun) this.storage.set(BEGUN, true);
    return this.#token;
  }

  /** @param {string} path @param {object} body */
  async #post(path, body) {
    const headers = { "Content-Type": "application/json" };
    return this.#answer(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /** @param {string} path @param {RequestInit} init @returns {Promise<any>} */
  async #answer(path, init) {
    const controller = new AbortController();
    const cancel = this.clock.after(TIMEOUT_MS, () => controller.abort());
    try {
      const answer = await this.fetch.call(globalThis, this.api + path, { ...init, credentials: "same-origin", signal: controller.signal });
      if (answer.ok) return await answer.json();
      throw refusal(answer);
    } catch (error) {
      if (error instanceof SessionGone || error instanceof Closed || error instanceof Unavailable) throw error;
      throw new Unavailable(String(error));
    } finally {
      cancel();
    }
  }
}

/** @param {Response} answer */
function refusal({ status, headers }) {
  if (status === 401) return new SessionGone();
  if (status === 403 || status === 404) return new Closed();
  const seconds = Number(headers.get("Retry-After"));
  return new Unavailable(`answered ${status}`, seconds > 0 ? seconds * 1_000 : 0);
}
