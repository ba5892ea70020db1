/**
 * Files on their way to the server, from the moment they are added. They live in memory alone: a shared machine must not
 * keep them. One that is cut off is sent again until it is there; the message that it belongs to keeps its echo_id.
 *
 * @import { Clock } from "./clock.js"
 * @import { Session } from "./session.js"
 * @import { State, UnsentFile } from "./state.js"
 * @import { Fault } from "./wire.js"
 *
 * `share`: how much of it was sent, 0 to 1. `movedAt`: when that last grew. `again`: whether trying again may help.
 * `kept`: a message has it.
 * @typedef {UnsentFile & {blob: Blob, phase: "waiting"|"uploading"|"done"|"failed", share: number, movedAt: number,
 *   fault: Fault|null, again: boolean, kept: boolean, stop: () => void}} Upload
 *
 * @typedef {{url: string, token: string, blob: Blob, signal: AbortSignal, onShare: (share: number) => void}} Order
 * @typedef {{status: number, body: any, retryAfter: number}} Answer
 */
import { Backoff } from "./backoff.js";
import { toldMs } from "./sending.js";
import { Closed } from "./troubles.js";
import { byRequest } from "./transmit.js";
import { uuid } from "./uuid.js";

const STALLED_MS = 45_000; // Without a byte, or without the answer: pictures are drawn anew first.
const QUIET_MS = 5_000; // Likewise, while another connection has come to stand: it hangs on the one before.
const PATIENCE_MS = 60_000; // A server that wants to be left alone for longer is a refusal to show.

export class Uploads {
  /** Nothing is sent before the visitor agreed to it. */ held = false;
  /** @type {Map<string, Upload>} */ #all = new Map();
  /** @type {Set<() => void>} */ #listeners = new Set();
  /** @type {(() => void)|null} */ #pause = null;

  /**
   * @param {{session: Session, clock: Clock, random?: () => number, onUploaded: (key: string, id: string) => void,
   *   onFailed: (key: string, fault: Fault) => void, transmit?: (order: Order) => Promise<Answer>}} options
   */
  constructor({ session, clock, random, onUploaded, onFailed, transmit = byRequest }) {
    this.session = session;
    this.clock = clock;
    this.onUploaded = onUploaded;
    this.onFailed = onFailed;
    this.transmit = transmit;
    this.backoff = new Backoff({ baseMs: 1_000, capMs: 30_000, random });
  }

  /** @param {() => void} listener called after every change @returns {() => void} */
  on(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param {Blob} blob @param {string} name @returns {string} its key */
  add(blob, name) {
    const key = uuid();
    const file = { key, id: null, name, size: blob.size, type: blob.type };
    const fresh = { share: 0, movedAt: 0, fault: null, again: true, kept: false, stop: () => {} };
    this.#all.set(key, { ...file, blob, phase: "waiting", ...fresh });
    this.wake();
    return key;
  }

  /** @param {string} key @returns {Upload|null} */
  get(key) {
    return this.#all.get(key) ?? null;
  }

  /** Not wanted any more; what is under way is cut. @param {string} key */
  remove(key) {
    const upload = this.#all.get(key);
    this.#all.delete(key);
    upload?.stop();
    this.#changed();
  }

  /** Whoever added them has left. */
  clear() {
    for (const { stop } of this.#all.values()) stop();
    this.#all.clear();
    this.#changed();
  }

  /** @param {string} key */
  retry(key) {
    const upload = this.get(key);
    if (upload?.phase === "failed") Object.assign(upload, { phase: "waiting", fault: null, share: 0 });
    this.wake();
  }

  /** Whatever waits is tried now: the network is back, somebody agreed, or asked. */
  wake() {
    this.#pause?.();
    this.#pause = null;
    this.#next();
  }

  /** The server is reached anew; what has been quiet since before was cut off without a word. */
  reached() {
    const quietSince = this.clock.now() - QUIET_MS;
    for (const { phase, movedAt, stop } of this.#all.values()) if (phase === "uploading" && movedAt < quietSince) stop();
    this.wake();
  }

  /** What messages wait for is kept until they have arrived. @param {State} state the newest */
  note(state) {
    const wanted = new Set(state.unsent.flatMap(({ files }) => files?.map(({ key }) => key) ?? []));
    for (const upload of this.#all.values()) {
      if (wanted.has(upload.key)) upload.kept = true;
      else if (upload.kept) this.remove(upload.key);
    }
    for (const { refused, files = [] } of state.unsent) if (!refused) files.forEach((file) => this.#compare(file));
  }

  /** A message that is tried again may want its files again. @param {UnsentFile} file */
  #compare({ key, id }) {
    const upload = this.get(key);
    if (id || !upload || (upload.phase !== "failed" && upload.phase !== "done")) return;
    if (upload.phase === "done" && upload.id && !upload.kept) return;
    Object.assign(upload, { id: null, phase: "waiting", fault: null, share: 0 });
    this.#next();
  }

  #next() {
    const all = [...this.#all.values()];
    const isFree = !all.some(({ phase }) => phase === "uploading"); // The server takes one at once of one visitor.
    const next = all.find(({ phase }) => phase === "waiting");
    if (!this.held && !this.#pause && isFree && next) void this.#run(next);
    this.#changed();
  }

  /** @param {Upload} upload */
  async #run(upload) {
    const control = new AbortController();
    let cancel = () => {};
    const watch = (share = 0) => {
      cancel();
      cancel = this.clock.after(STALLED_MS, () => control.abort());
      Object.assign(upload, { share, movedAt: this.clock.now() });
      this.#changed();
    };
    Object.assign(upload, { phase: "uploading", stop: () => control.abort() });
    watch();
    try {
      const token = await this.session.begin();
      if (control.signal.aborted) throw new Error("stopped");
      const url = `${this.session.api}/uploads?name=${encodeURIComponent(upload.name.slice(-200))}`;
      this.#answered(upload, await this.transmit({ url, token, blob: upload.blob, signal: control.signal, onShare: watch }));
    } catch (error) {
      if (error instanceof Closed) this.#failed(upload, { code: "no_such_inbox", message: "" }, false);
      else this.#later(upload, /** @type {{afterMs?: number}} */ (error).afterMs ?? 0);
    } finally {
      cancel();
      this.#next();
    }
  }

  /** @param {Upload} upload @param {Answer} answer */
  #answered(upload, { status, body, retryAfter }) {
    if (!this.#all.has(upload.key)) return;
    if (status === 201) {
      this.backoff.reset();
      Object.assign(upload, { phase: "done", share: 1, id: body.id, name: body.name, size: body.size });
      return this.onUploaded(upload.key, body.id);
    }
    const fault = body?.error ?? { code: "unavailable", message: "" };
    const waitMs = Math.max(retryAfter * 1_000, toldMs(fault));
    if (status === 401) this.session.expire();
    const passes = status === 401 || status === 429 || status >= 500;
    if (passes && waitMs <= PATIENCE_MS) this.#later(upload, waitMs);
    else this.#failed(upload, fault, passes);
  }

  /** @param {Upload} upload @param {number} ms not before the server wants us again */
  #later(upload, ms) {
    if (!this.#all.has(upload.key)) return;
    Object.assign(upload, { phase: "waiting", share: 0 });
    this.#pause?.();
    this.#pause = this.clock.after(ms + this.backoff.next(), () => this.wake());
  }

  /** @param {Upload} upload @param {Fault} fault @param {boolean} again */
  #failed(upload, fault, again) {
    Object.assign(upload, { phase: "failed", share: 0, fault, again });
    this.onFailed(upload.key, fault);
  }

  #changed() {
    for (const listener of this.#listeners) listener();
  }
}
