/**
 * Messages not yet taken by the server, kept in storage under a key of this tab. A tab locks its key while
 * anything is in it; the others wait for that lock and take over what a closed tab left behind. (A lock held for
 * good would keep the browser from freezing the tab, or keeping it for the back button.) Where there are no locks,
 * a tab shows that it lives by a time it writes again and again, and only what is long past is taken over.
 *
 * A message whose files went with their page can only be handed back, which one tab may do, and not unseen: the page that
 * was loaded anew in its place or, where none is for a moment, one that is looked at.
 *
 * @import { Clock } from "./clock.js"
 * @import { Locked } from "./locks.js"
 * @import { Unsent } from "./state.js"
 * @import { Storage } from "./storage.js"
 * @typedef {{anewUntil?: number, waited?: boolean}} Turn until when this page counts as loaded anew; whether such a one was waited for
 */
import { isUploading } from "./selectors.js";
import { uuid } from "./uuid.js";

const PREFIX = "unsent:";
const ALIVE = "alive:";
const BEAT_MS = 5_000;
const DEAD_MS = 30_000; // Some beats: a tab in the background is slow.
const ANEW_MS = 5_000; // For so long a page counts as loaded anew, and one is waited for.

export class UnsentStore {
  #id = uuid();
  #key = PREFIX + this.#id;
  #text = "[]";
  #started = false;
  /** @type {(() => void)|null} */ #release = null;
  /** @type {() => void} */ #cancelBeat = () => {};
  /** @type {Set<string>} */ #watched = new Set();

  /** @param {{storage: Storage, locked: Locked, clock: Clock, isLookedAt: () => boolean, onOrphans: (unsent: Unsent[]) => void}} options */
  constructor({ storage, locked, clock, isLookedAt, onOrphans }) {
    this.storage = storage;
    this.locked = locked;
    this.clock = clock;
    this.isLookedAt = isLookedAt;
    this.onOrphans = onOrphans;
  }

  start() {
    if (this.#started) return;
    this.#started = true;
    this.look({ anewUntil: this.clock.now() + ANEW_MS });
  }

  /** What was left for a tab that is looked at may be this one's now. @param {Turn} [turn] */
  look(turn) {
    if (this.#started) for (const key of this.storage.keys(PREFIX)) this.#watch(key, turn);
  }

  /** Another tab wrote its key for the first time. @param {string|null} key as in a storage event */
  noticed(key) {
    if (key?.startsWith(this.storage.prefix + PREFIX)) this.#watch(key.slice(this.storage.prefix.length));
  }

  /** The page goes away: the next one need not wait until this one counts as dead. */
  leave() {
    this.storage.remove(ALIVE + this.#id);
  }

  /** Of no tab anything remains: whoever wrote it has left. */
  clear() {
    this.save([]);
    for (const key of this.storage.keys(PREFIX)) this.storage.remove(key);
  }

  /** @param {readonly Unsent[]} unsent */
  save(unsent) {
    const waiting = unsent.filter((one) => !one.accepted);
    const text = JSON.stringify(waiting);
    if (text === this.#text) return;
    this.#text = text;
    if (waiting.length) {
      this.#hold();
      this.storage.set(this.#key, waiting);
    } else {
      this.#cancelBeat();
      this.storage.remove(this.#key);
      this.storage.remove(ALIVE + this.#id);
      this.#release?.();
      this.#release = null;
    }
  }

  #hold() {
    if (this.#release) return;
    const done = new Promise((resolve) => (this.#release = () => resolve(null)));
    this.#beat(); // Also before a lock is had: it may turn out that there is none.
    void this.locked(this.storage.prefix + this.#key, (alone) => {
      if (alone) this.#cancelBeat();
      return done;
    });
  }

  #beat() {
    this.#cancelBeat();
    this.storage.set(ALIVE + this.#id, this.clock.now());
    this.#cancelBeat = this.clock.after(BEAT_MS, () => this.#beat());
  }

  /** @param {string} key @param {Turn} [turn] */
  #watch(key, turn = {}) {
    if (key === this.#key || this.#watched.has(key)) return;
    this.#watched.add(key);
    void this.locked(this.storage.prefix + key, async (alone) => {
      const patience = alone ? 0 : this.#untilDead(key);
      this.#watched.delete(key);
      if (patience > 0) this.clock.after(patience, () => this.#watch(key, turn));
      else this.#takeOver(key, turn);
    });
  }

  /** @param {string} key @returns {number} milliseconds until its tab counts as dead, if it says nothing more */
  #untilDead(key) {
    const age = this.clock.now() - Number(this.storage.get(aliveKey(key)) ?? -Infinity);
    if (age < 0) this.storage.set(aliveKey(key), this.clock.now()); // A clock was set back: who lives says so anew.
    return DEAD_MS - Math.max(0, age);
  }

  /** @param {string} key @param {Turn} turn */
  #takeOver(key, { anewUntil = 0, waited = false }) {
    const mayHandBack = this.clock.now() < anewUntil || (waited && this.isLookedAt());
    const orphans = parse(this.storage.get(key));
    const left = orphans.filter((one) => !mayHandBack && isUploading(one) && !one.refused);
    const taken = orphans.filter((one) => !left.includes(one));
    if (taken.length) this.onOrphans(taken); // Saved under our key before it leaves theirs.
    if (!left.length) this.storage.remove(key);
    else if (taken.length) this.storage.set(key, left);
    this.storage.remove(aliveKey(key));
    if (left.length && !waited && this.isLookedAt()) this.clock.after(ANEW_MS, () => this.#watch(key, { waited: true }));
  }
}

/** @param {string} key */
function aliveKey(key) {
  return ALIVE + key.slice(PREFIX.length);
}

/** @param {unknown} value what storage holds: another version of this page may have written it. @returns {Unsent[]} */
function parse(value) {
  if (!Array.isArray(value)) return [];
  return value
    .filter((one) => typeof one?.echo_id === "string" && typeof one.text === "string")
    .map(({ echo_id, text, conversation = null, at = 0, refused = null, owner, begins, files }) => ({
      ...{ echo_id, text, conversation, at, refused, accepted: null },
      ...(typeof owner === "string" ? { owner } : {}),
      ...(typeof begins === "string" ? { begins } : {}),
      ...(Array.isArray(files) && files.length ? { files } : {}),
    }));
}
