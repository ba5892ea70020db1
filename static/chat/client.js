/**
 * The chat without a face: session, socket, resume, and messages that are sent until the server has them.
 *
 *     const client = new ChatClient({ inbox: "main", api: "https://chat.example/api/v1", session: "app" });
 *     client.on("change", ({ state }) => …);
 *     client.start();
 *     client.send("Hello");
 *
 * @import { Late, Noted } from "./annotations.js"
 * @import { Clock } from "./clock.js"
 * @import { Phase } from "./connection.js"
 * @import { Locked } from "./locks.js"
 * @import { Attributes } from "./person.js"
 * @import { Kind } from "./session.js"
 * @import { Event, State, Status, UnsentFile } from "./state.js"
 * @import { Area } from "./storage.js"
 * @import { ServerFrame } from "./wire.js"
 *
 * @typedef {"change"|"typing"|"presence"|"status"|"stranded"|"person"|"expired"} Topic
 *   `person`: somebody else sits here, or nobody any more; `expired`: whoever signed in has to do so again
 * @typedef {{state: State, before: State}} Change
 * @typedef {{inbox: string, api: string, socket?: string, session?: Kind, storage?: Storage|Area, clock?: Clock,
 *   random?: () => number, fetch?: typeof globalThis.fetch, dial?: (url: string) => WebSocket, locked?: Locked}} Options
 *   `api`: the API's root; of another site together with `session: "app"`. `socket`: its own address, where it is not
 *   `/ws/v1` of the same host. `storage`: as `localStorage`, which it is unless given.
 */
import { socketUrl } from "./address.js";
import { AnswerStore, answering } from "./answering.js";
import { Asking } from "./asking.js";
import { systemClock } from "./clock.js";
import { Connection } from "./connection.js";
import { Filing } from "./filing.js";
import { History } from "./history.js";
import { Listeners } from "./listeners.js";
import { locked } from "./locks.js";
import { Receipts } from "./receipts.js";
import { Seat } from "./seat.js";
import { messageOf, viewed } from "./selectors.js";
import { Sending, written } from "./sending.js";
import { BEGUN, LEAVING, PERSON, Session } from "./session.js";
import { NOTHING, reduce } from "./state.js";
import { storageOf } from "./storage.js";
import { Closed, SessionGone } from "./troubles.js";
import { Typing } from "./typing.js";
import { UnsentStore } from "./unsent.js";
import { uuid } from "./uuid.js";

/** @type {Record<Phase, Status>} */
const STATUS = { idle: "new", connecting: "connecting", online: "online", waiting: "offline", stopped: "stopped" };

const openSocket = (/** @type {string} */ url) => new WebSocket(url);
export class ChatClient {
  /** @type {State} */ state = NOTHING;
  /** @type {Listeners<Topic, Change>} */ #listeners = new Listeners();
  #started = false;

  /** @param {Options} options */
  constructor(options) {
    const { inbox, api, random, session: kind } = options;
    const clock = (this.clock = options.clock ?? systemClock);
    const storage = (this.storage = storageOf(options.storage, `chatproxy:${inbox}:`));
    const locks = options.locked ?? locked;
    const dispatch = (/** @type {Event} */ event) => this.#dispatch(event);
    const session = (this.session = new Session({ inbox, api, random, kind, clock, storage, locked: locks, fetch: options.fetch ?? fetch }));
    const unsent = (this.unsent = new UnsentStore({
      ...{ storage, clock, locked: locks, isLookedAt: () => this.connection.visible },
      onOrphans: (orphans) => (this.seat.adopt(orphans), this.resume()),
    }));
    const connection = (this.connection = new Connection({
      ...{ clock, random, hello: () => this.#hello() },
      dial: () => (options.dial ?? openSocket)(socketUrl(options.socket ?? "/ws/v1", api)),
      onFrame: (frame) => this.#received(frame),
      onPhase: (phase) => this.#entered(phase),
      onStale: () => session.expire(),
    }));
    const filing = (this.filing = new Filing({ session, clock, random, dispatch }));
    const seat = (this.seat = new Seat({
      ...{ session, connection, storage, unsent, filing, clock, dispatch, state: () => this.state },
      changed: () => this.#tell("person", this.state),
      expired: () => this.#tell("expired", this.state),
      resume: () => this.#started && this.resume(),
    }));
    this.sending = new Sending({ connection, clock, random });
    this.answers = new AnswerStore(storage);
    this.typist = new Typing({ clock, tick: () => (dispatch({ type: "tick", now: clock.now() }), this.state) });
    this.asking = new Asking({ connection, clock });
    this.receipts = new Receipts({ connection, clock });
    this.history = new History({ session, seat, dispatch });
  }

  /** Connect if there is anything to connect for; a newcomer stays unconnected until the first message. */
  start() {
    this.#started = true;
    this.#takeUp();
    this.resume();
  }

  /** What a page before this one did not get through. */
  #takeUp() {
    this.session.makeUp();
    this.unsent.start();
    for (const [id, asked] of this.answers.start()) this.#dispatch({ type: "answered", id, asked });
    if ([...this.state.asked.values()].some(({ refused }) => !refused)) this.resume();
  }

  /** Connect now, because another tab began the session or something waits to be sent. */
  resume() {
    if (this.session.begun || this.state.unsent.length) this.connection.start();
  }

  stop = () => this.connection.stop();

  /** The page goes away, perhaps for good. */
  leave = () => this.unsent.leave();

  /** The network is back, or the page is looked at again. */
  wake() {
    this.session.makeUp();
    this.connection.wake();
    this.filing.uploads?.wake();
  }

  /** The browser says that the network is gone. */
  lose = () => this.connection.lose();

  /** @param {boolean} visible whether somebody can see the chat: only then agents are shown a present visitor */
  look(visible) {
    this.connection.look(visible);
    if (visible) this.unsent.look();
  }

  /** Another tab wrote to storage. @param {string|null} key */
  noticed(key) {
    this.unsent.noticed(key);
    const { prefix } = this.storage;
    const name = key?.startsWith(prefix) ? key.slice(prefix.length) : undefined;
    if (key === null || name === LEAVING || name === PERSON) this.seat.follow({ left: name !== PERSON });
    if (name === BEGUN) this.resume();
  }

  /**
   * @param {string} text
   * @param {readonly UnsentFile[]} [files] of `filing`; the message waits until they are uploaded
   * @returns {string} echo_id, by which the message is known until the server names it
   */
  send(text, files = []) {
    const unsent = written(this.state, { text, files, owner: this.session.person?.contact ?? null, now: this.clock.now() });
    this.#dispatch({ type: "written", unsent: [unsent] });
    this.connection.start();
    return unsent.echo_id;
  }

  /**
   * Sign in; what was said without a name becomes theirs. @param {unknown} told `{token}`, or `{identifier, identifier_hash}`
   * @returns {Promise<boolean>} false: they sit here already. Raises Refused, Unavailable, Closed.
   */
  identify = (told) => this.seat.identify(told);

  /** Sign out: here at once, in all tabs. Raises Unavailable where the server hears of it only later. */
  logout = () => this.seat.logout();

  /** Of whoever sits here, unproven; a newcomer's are kept until they act. @param {Attributes} attributes */
  setAttributes = (attributes) => this.seat.setAttributes(attributes);

  /** Of the conversation that is looked at, or else the next one. @param {Noted} noted @param {Late} [late] */
  async annotate(noted, late) {
    await (await import("./annotations.js")).annotationsOf(this).note(noted, late);
  }

  setConversationAttributes = (/** @type {Attributes} */ attributes) => this.annotate({ attributes });
  deleteConversationAttribute = (/** @type {string} */ key) => this.annotate({ attributes: { [key]: null } });
  setLabel = (/** @type {string} */ label) => this.annotate({ labels: { [label]: true } });
  removeLabel = (/** @type {string} */ label) => this.annotate({ labels: { [label]: false } });

  /** Send again what was refused, failed or never confirmed. @param {string} echoId */
  retry(echoId) {
    const id = messageOf(this.state, echoId)?.id;
    this.#dispatch(id ? { type: "asked", id, action: "retry" } : { type: "retried", echo_id: echoId });
  }

  /** Delete it, on every device. @param {string} echoId */
  discard(echoId) {
    const id = messageOf(this.state, echoId)?.id;
    this.#dispatch(id ? { type: "asked", id, action: "discard" } : { type: "discarded", echo_id: echoId });
  }

  /** Answer an agent's question: kept until the server has it, also over a reload. @param {string} id @param {unknown} values */
  answer(id, values) {
    const asked = answering(this.state.messages.get(id), this.state.asked.get(id), values);
    this.#dispatch({ type: "answered", id, asked });
    this.connection.start();
  }

  /** @param {boolean} on */
  typing(on) {
    const conversation = viewed(this.state)?.id;
    if (conversation) this.connection.send({ type: "typing", conversation, on });
  }

  /** Everything of the conversation that is looked at has been read. */
  seen() {
    const seen = this.receipts.seen(this.state);
    if (seen) this.#dispatch({ type: "seen", ...seen });
  }

  /** Look at another conversation, and write to it. @param {string|null} conversation null: the one spoken in last */
  view = (conversation) => this.#dispatch({ type: "viewed", conversation });

  /** What is written from now on begins a new conversation. */
  begin = () => this.#dispatch({ type: "begun", key: uuid() });

  /** End a conversation. @param {string} conversation Raises Refused, Unavailable, Closed, SessionGone */
  async resolve(conversation) {
    await this.session.send("POST", `/conversations/${conversation}/resolve`);
  }

  /** Have it sent by e-mail. @param {string} conversation @param {string} [email] else to the proven one @returns {Promise<string>} to whom */
  async transcript(conversation, email) {
    return (await this.session.send("POST", `/conversations/${conversation}/transcript`, { email })).email;
  }

  /** Fetch the page before the oldest message. @returns {Promise<boolean>} false: nothing came */
  older = async () => this.history.older(this.state);

  /** Read the state once; a socket only if something waits to be sent. @returns {Promise<boolean>} false: it could not be read */
  async glance() {
    this.#takeUp();
    if (!this.session.begun || this.connection.phase !== "idle") return true;
    try {
      const frame = await this.session.get("/sync");
      if (this.connection.phase !== "idle") return true; // The socket knows better by now.
      this.seat.recognise();
      this.#received(frame);
      return true;
    } catch (error) {
      if (error instanceof SessionGone) this.seat.expired();
      return error instanceof SessionGone; // A badge that is not shown is no untruth.
    }
  }

  /** @param {Topic} topic @param {(change: Change) => void} listener @returns {() => void} */
  on = (topic, listener) => this.#listeners.on(topic, listener);

  /** @returns {Promise<object|"idle"|"stopped">} */
  async #hello() {
    try {
      // What somebody wrote who had signed in begins nobody's session.
      const isAct = this.state.unsent.some(({ owner }) => !owner);
      const token = isAct ? await this.session.begin() : await this.session.token();
      this.seat.recognise();
      return { type: "hello", token, since: this.state.cursor, visible: this.connection.visible };
    } catch (error) {
      if (error instanceof Closed) return "stopped";
      if (!(error instanceof SessionGone)) throw error;
      this.seat.expired();
      return this.state.unsent.length ? this.#hello() : "idle";
    }
  }

  /** @param {ServerFrame} frame */
  #received(frame) {
    if (!this.sending.postponed(frame) && !this.asking.postponed(frame)) this.#dispatch({ type: "frame", frame, now: this.clock.now() });
    this.receipts.received(frame, this.state);
  }

  /** @param {Phase} phase */
  #entered(phase) {
    // Each attempt to come back is still "offline": words on the screen must not flicker with them.
    const again = phase === "connecting" && this.state.status === "offline";
    this.#dispatch({ type: "status", status: again ? "offline" : STATUS[phase] });
    if (phase === "online") return this.filing.uploads?.reached();
    this.sending.interrupted();
    this.asking.interrupted();
    this.receipts.interrupted();
  }

  /** @param {Event} event */
  #dispatch(event) {
    const before = this.state;
    this.state = this.filing.sorted(reduce(before, event));
    if (this.state === before) return;
    this.seat.save();
    if (before.asked !== this.state.asked) this.answers.save(this.state.asked);
    this.typist.note(this.state);
    this.#tell("change", before);
    if (before.typing !== this.state.typing) this.#tell("typing", before);
    if (before.online !== this.state.online) this.#tell("presence", before);
    if (before.status !== this.state.status) this.#tell("status", before);
    if (this.filing.hasStranded) this.#tell("stranded", before);
    this.sending.next(this.state);
    this.asking.next(this.state);
    this.filing.uploads?.note(this.state);
  }

  /** @param {Topic} topic @param {State} before */
  #tell(topic, before) {
    this.#listeners.tell(topic, { state: this.state, before });
  }
}
