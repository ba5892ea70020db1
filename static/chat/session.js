/**
 * The visitor's session: begun by the first thing they do. Our own pages refresh it by a cookie that scripts cannot
 * read (`browser`); elsewhere the refresh token lies in the storage that was given (`app`). The access token lives in
 * memory only. A flag in storage says that there once was a session, so that newcomers cost the server nothing.
 *
 * @import { Claim } from "./claim.js"
 * @import { Clock } from "./clock.js"
 * @import { Locked } from "./locks.js"
 * @import { Storage } from "./storage.js"
 * @import { SessionAnswer } from "./wire.js"
 * @typedef {"browser"|"app"} Kind
 * @typedef {{contact: string, who: string}} Named somebody who signed in here, and what tells them from others
 */
import { Lease } from "./lease.js";
import { Refused, SessionGone, failed } from "./troubles.js";

const EARLY_MS = 30_000;
const TIMEOUT_MS = 15_000;
const LOCK_PATIENCE_MS = 20_000; // One answer that never comes, and a little.
export const BEGUN = "begun";
export const PERSON = "person";
export const LEAVING = "leaving";
export const ANSWERED = "answered"; // What was asked before the first message: of whoever comes next it is asked anew.
const REFRESH = "refresh";

export class Session {
  /** @type {string|null} whose session it is; another one's after a sign-out in another tab */ contact = null;
  /** It was begun here, so what was written before it belongs to nobody's conversation. */ isNew = false;
  #token = "";
  #validUntil = 0;
  /** Grows when somebody leaves: what was asked for them is worth nothing then. */ #era = 0;
  /** @type {Set<AbortController>} */ #asking = new Set();

  /**
   * @param {{inbox: string, api: string, fetch: typeof globalThis.fetch, storage: Storage, clock: Clock, locked: Locked,
   *   random?: () => number, kind?: Kind}} options
   */
  constructor({ inbox, api, fetch, storage, clock, locked, random, kind = "browser" }) {
    this.inbox = inbox;
    this.api = api;
    this.fetch = fetch;
    this.storage = storage;
    this.clock = clock;
    this.locked = locked;
    this.kind = kind;
    this.lease = new Lease({ storage, clock, key: "beginning", random });
  }

  /** @returns {boolean} whether this browser ever had a session here */
  get begun() {
    return this.storage.get(BEGUN) === true;
  }

  /** @returns {Named|null} */
  get person() {
    const found = /** @type {any} */ (this.storage.get(PERSON));
    return typeof found?.contact === "string" ? found : null;
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
   * Sign in. Raises Refused for a claim that proves nothing.
   * @param {Claim} claim @param {string} who
   */
  async identify(claim, who) {
    await this.#alone(async () => {
      // A browser's cookie says whose words are taken along; an app's token does.
      const era = this.#era;
      const token = this.kind === "app" && this.begun ? await this.#renewed() : "";
      const answer = await this.#post("/session", { inbox: this.inbox, kind: this.kind, ...claim }, token).catch(unproven);
      this.#keep(answer, era);
      this.storage.set(PERSON, { contact: answer.contact, who });
      return this.#token;
    });
  }

  /**
   * Sign out: here at once, whatever the network does; at the server before anybody else comes in.
   * Raises Unavailable when the server has not heard of it yet.
   */
  async end() {
    if (!this.begun && !this.storage.get(LEAVING)) return this.forget();
    const token = this.#valid() ? this.#token : "";
    this.storage.set(LEAVING, true);
    this.forget();
    await this.locked(`${this.storage.prefix}session`, () => this.#leave(token), LOCK_PATIENCE_MS);
  }

  /** Tell the server at last of a sign-out that it has not heard of. */
  makeUp() {
    if (this.storage.get(LEAVING)) this.end().catch(() => {});
  }

  /** Nobody sits here any more, and nothing that was asked for is wanted. */
  forget() {
    this.#era += 1;
    for (const controller of this.#asking) controller.abort();
    this.#token = "";
    this.contact = null;
    this.storage.remove(BEGUN);
    this.storage.remove(PERSON);
    this.storage.remove(ANSWERED);
  }

  /**
   * @param {string} path below the API's root
   * @returns {Promise<any>} the parsed answer to an authorised GET
   */
  async get(path) {
    return this.send("GET", path);
  }

  /**
   * @param {string} method @param {string} path below the API's root @param {object} [body]
   * @returns {Promise<any>} the parsed answer; raises SessionGone when somebody else came meanwhile
   */
  async send(method, path, body) {
    const era = this.#era;
    const answer = await this.#ask(method, path, body, await this.token());
    if (era !== this.#era) throw new SessionGone();
    return answer;
  }

  #valid() {
    return this.#token !== "" && this.clock.now() < this.#validUntil - EARLY_MS;
  }

  /** Two tabs that begin or refresh at the same moment would make two visitors of one. @param {(alone: boolean) => Promise<string>} work */
  async #alone(work) {
    const orderly = async (/** @type {boolean} */ alone) => {
      if (this.storage.get(LEAVING)) await this.#leave("");
      return work(alone);
    };
    return this.locked(`${this.storage.prefix}session`, orderly, LOCK_PATIENCE_MS);
  }

  async #beginning() {
    try {
      return await this.#renew();
    } catch (error) {
      if (!(error instanceof SessionGone)) throw error;
      const era = this.#era;
      const token = this.#keep(await this.#post("/session", { inbox: this.inbox, kind: this.kind }), era);
      this.isNew = true;
      return token;
    }
  }

  async #renew() {
    if (!this.begun) throw new SessionGone();
    const era = this.#era;
    try {
      return this.#keep(await this.#refresh(), era);
    } catch (error) {
      if (error instanceof SessionGone && era === this.#era) this.forget();
      throw error;
    }
  }

  async #renewed() {
    return this.#valid() ? this.#token : this.#renew().catch((error) => (error instanceof SessionGone ? "" : Promise.reject(error)));
  }

  /** @returns {Promise<SessionAnswer>} */
  async #refresh() {
    const refresh_token = this.storage.get(REFRESH) ?? "";
    const answer = await this.#post("/session/refresh", this.kind === "app" ? { refresh_token } : { inbox: this.inbox });
    this.#store(answer);
    return answer;
  }

  /** @param {string} token of the one who leaves, if it is at hand */
  async #leave(token) {
    try {
      await this.#ask("DELETE", "/session", undefined, token || (await this.#refresh()).access_token);
    } catch (error) {
      if (!(error instanceof SessionGone)) throw error;
    }
    this.storage.remove(REFRESH);
    this.storage.remove(LEAVING);
  }

  /** @param {SessionAnswer} answer @param {number} era when it was asked for */
  #keep(answer, era) {
    this.#store(answer);
    if (era !== this.#era) throw new SessionGone();
    this.#token = answer.access_token;
    this.contact = answer.contact;
    this.#validUntil = this.clock.now() + answer.expires_in * 1000;
    if (!this.begun) this.storage.set(BEGUN, true);
    return this.#token;
  }

  /** @param {SessionAnswer} answer */
  #store({ refresh_token }) {
    if (refresh_token) this.storage.set(REFRESH, refresh_token);
  }

  /** @param {string} path @param {object} body @param {string} [token] */
  async #post(path, body, token) {
    return this.#ask("POST", path, body, token);
  }

  /** @param {string} method @param {string} path @param {object} [body] @param {string} [token] @returns {Promise<any>} */
  async #ask(method, path, body, token) {
    /** @type {Record<string, string>} */
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    if (body) headers["Content-Type"] = "application/json";
    const controller = new AbortController();
    const cancel = this.clock.after(TIMEOUT_MS, () => controller.abort());
    this.#asking.add(controller);
    const credentials = this.kind === "app" ? "omit" : "same-origin";
    const init = { method, headers, credentials, signal: controller.signal, ...(body ? { body: JSON.stringify(body) } : {}) };
    try {
      const answer = await this.fetch.call(globalThis, this.api + path, /** @type {RequestInit} */ (init));
      if (!answer.ok) throw await failed(answer);
      return answer.status === 204 ? null : await answer.json();
    } catch (error) {
      throw await failed(error);
    } finally {
      cancel();
      this.#asking.delete(controller);
    }
  }
}

/** @param {unknown} error @returns {never} */
function unproven(error) {
  if (error instanceof SessionGone) throw new Refused("bad_identity", "This identity could not be verified.");
  throw error;
}
