/**
 * Reading over REST, which is what makes the desk right: the cable only makes it quick. Everything shown is read again
 * after each confirmation, and now and then without any reason, because a lost frame leaves no trace.
 */
import { pauseMs, systemClock } from "./cable.js";
import { threadOf, unknownConversations } from "./views.js";

const LIST_PAGE = 25;
const MOST_PAGES = 20;
const AFTER_PAGE = 100;
const LATEST_PAGE = 20;

export class Sync {
  #api;
  #state;
  #dispatch;
  #clock;
  #random;
  #reading = null;
  #again = false;
  #fetching = new Set();

  /** `state()` gives the newest state; `dispatch(event)` moves it on. */
  constructor({ api, state, dispatch, clock = systemClock, random = Math.random }) {
    this.#api = api;
    this.#state = state;
    this.#dispatch = dispatch;
    this.#clock = clock;
    this.#random = random;
  }

  /** Read the list and the open thread, again and again until it succeeds; asked meanwhile, it reads once more. */
  everything() {
    this.#again = true;
    this.#reading ??= this.#untilRead();
    return this.#reading;
  }

  async #untilRead() {
    for (let attempt = 0; this.#again; attempt += 1) {
      this.#again = false;
      try {
        await this.list();
        await this.open(this.#state().chosen);
        this.#dispatch({ type: "notice", notice: null });
        attempt = -1;
      } catch (error) {
        this.#again = true;
        this.#dispatch({ type: "notice", notice: error.message });
        await new Promise((resolve) => this.#clock.after(pauseMs(attempt, this.#random), resolve));
      }
    }
    this.#reading = null;
  }

  /** All conversations; new ones that push others to the next page meanwhile arrive by cable. */
  async list() {
    for (let page = 1; page <= MOST_PAGES; page += 1) {
      const asked = this.#state().tick;
      const rows = await this.#api.conversations(page);
      const complete = rows.length < LIST_PAGE || page === MOST_PAGES;
      this.#dispatch({ type: "conversations", rows, asked, complete });
      if (complete) return;
    }
  }

  /** What is needed to show a conversation. One that does not exist is no failure: there is nothing to try again. */
  async open(id) {
    if (id === null) return;
    try {
      if (!this.#state().conversations.has(id)) await this.one(id);
      await this.thread(id);
    } catch (error) {
      if (error.status !== 404) throw error;
    }
  }

  /** The newest page of a thread never read before; of another one, all from its first known message on. */
  async thread(id) {
    const floor = this.#state().floors.get(id);
    if (floor === undefined) return this.#latest(id);
    for (let after = floor - 1; after !== null;) after = await this.#pageAfter(id, after);
  }

  /** The page above what is shown. */
  async earlier(id) {
    const [first] = threadOf(this.#state(), id);
    if (!first) return;
    const { asked, rows } = await this.#page(id, { before: String(first.id) });
    this.#put(id, { asked, rows, floor: rows[0]?.id, begun: rows.length < LATEST_PAGE });
  }

  /** Rows of conversations that only a message has told us of. */
  async unknown() {
    for (const id of unknownConversations(this.#state())) {
      if (!this.#fetching.has(id)) await this.one(id);
    }
  }

  /** The row of one conversation. */
  async one(id) {
    this.#fetching.add(id);
    try {
      const asked = this.#state().tick;
      this.#dispatch({ type: "conversations", rows: [await this.#api.conversation(id)], asked });
    } finally {
      this.#fetching.delete(id);
    }
  }

  async #latest(id) {
    const { asked, line, rows } = await this.#page(id, {});
    const reached = { atEnd: true, line };
    this.#put(id, { asked, rows, floor: rows[0]?.id, begun: rows.length < LATEST_PAGE, reached });
  }

  async #pageAfter(id, after) {
    const { asked, line, rows } = await this.#page(id, { after: String(after) });
    const atEnd = rows.length < AFTER_PAGE;
    this.#put(id, { asked, rows, reached: { atEnd, line } });
    return atEnd ? null : rows.at(-1).id;
  }

  async #page(id, bounds) {
    const { tick: asked, line } = this.#state();
    return { asked, line, rows: await this.#api.messages(id, bounds) };
  }

  #put(conversationId, page) {
    this.#dispatch({ type: "messages", conversationId, ...page });
  }
}
