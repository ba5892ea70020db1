/** The agent desk: state in the middle, Chatwoot's REST and cable on one side, three columns on the other. */
import { Api, readSession } from "./api.js";
import { Cable } from "./cable.js";
import { Composer } from "./elements/composer.js";
import { createContact } from "./elements/contact.js";
import { set, write } from "./elements/h.js";
import { createList } from "./elements/list.js";
import { Thread } from "./elements/thread.js";
import { Outgoing } from "./outgoing.js";
import { initialState, next } from "./state.js";
import { Sync } from "./sync.js";
import { Typing } from "./typing.js";
import { conversationList, newestIncoming, unknownConversations, unreadIn } from "./views.js";

const AUDIT_EVERY_MS = 30_000;
const CLOCK_EVERY_MS = 2_000;

class Desk {
  #drawing = false;
  #wantsReply = false; // a conversation was opened, and is not on the screen yet
  #wantsNone = false; // the agent went back to the list, so nothing opens by itself

  constructor(session, page) {
    this.session = session;
    this.page = page;
    this.state = initialState(session.agent_id);
    this.api = new Api(session);
    const ports = { api: this.api, state: () => this.state, dispatch: this.dispatch };
    this.sync = new Sync(ports);
    this.outgoing = new Outgoing(ports);
    this.typing = new Typing({
      tell: (id, status, isPrivate) => this.#quietly(this.api.toggleTyping(id, status, isPrivate)),
    });
    this.cable = new Cable({
      open: () => new WebSocket(`${location.origin.replace("http", "ws")}/cable`, ["actioncable-v1-json"]),
      identifier: identifierOf(session),
      onConfirmed: () => this.#confirmed(),
      onEvent: (name, data) => this.#heard(name, data),
      onLost: () => this.#lost(),
    });
    this.#build();
  }

  start() {
    addEventListener("hashchange", () => this.#route());
    addEventListener("keydown", (event) => this.#shortcut(event));
    addEventListener("online", () => this.cable.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#cameBack());
    setInterval(() => this.dispatch({ type: "time", now: Date.now() }), CLOCK_EVERY_MS);
    setInterval(() => document.hidden || this.sync.everything(), AUDIT_EVERY_MS);
    this.#route();
    this.cable.start();
    this.sync.everything();
  }

  dispatch = (event) => {
    const before = this.state;
    this.state = next(before, event);
    if (this.state === before || this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => this.#settle());
  };

  #build() {
    const actions = {
      send: (fields) => this.#sent(this.outgoing.send(this.state.chosen, fields)),
      retry: (draft) => this.#sent(this.outgoing.retry(draft)),
      discard: (draft) => this.outgoing.discard(draft),
      remove: (message) => this.#remove(message),
      earlier: () => this.#aloud(this.sync.earlier(this.state.chosen)),
      toggleStatus: () => this.#toggleStatus(),
      toggleDetails: () => this.page.toggleAttribute("data-details"),
      again: () => this.composer.focus(),
      typing: (isPrivate) => this.typing.key(this.state.chosen, isPrivate),
      typingStopped: () => this.typing.stop(),
    };
    this.composer = new Composer(actions);
    this.list = createList(actions);
    this.thread = new Thread(actions, this.composer);
    this.contact = createContact(actions);
    this.page.replaceChildren(this.list.element, this.thread.element, this.contact.element);
    this.notice = document.querySelector("#notice");
  }

  /** After a change: choose, draw, and do what the new state asks for. */
  #settle() {
    this.#drawing = false;
    this.#openTheOnlyOne();
    this.#draw();
    this.#reply();
    this.#markSeen();
    if (unknownConversations(this.state).length) this.#quietly(this.sync.unknown());
  }

  /** Whoever opened a conversation writes there next. */
  #reply() {
    if (!this.#wantsReply || !this.state.conversations.has(this.state.chosen)) return;
    this.#wantsReply = false;
    this.composer.focus();
  }

  #draw() {
    const { state } = this;
    set(this.page, "data-pane", state.chosen === null ? "list" : "thread");
    this.list.update(state, this.session.agent_name);
    this.thread.update(state);
    this.contact.update(state);
    write(this.notice, noticeIn(state));
    const unread = conversationList(state).filter((row) => unreadIn(state, row) > 0).length;
    document.title = unread ? `(${unread}) Agent desk` : "Agent desk";
  }

  #heard(name, data) {
    this.dispatch({ type: "frame", name, data, at: Date.now() });
    if (name === "contact.merged" || name === "contact.deleted") this.sync.everything();
  }

  #confirmed() {
    this.dispatch({ type: "link", link: "live" });
    this.sync.everything();
  }

  /** Without a line the desk polls. A sandbox that was started anew has other tokens: the old ones meet silence. */
  async #lost() {
    this.dispatch({ type: "link", link: "lost" });
    this.sync.everything();
    const session = await readSession().catch(() => this.session);
    if (session.agent_pubsub_token !== this.session.agent_pubsub_token) location.replace(location.pathname);
  }

  #cameBack() {
    this.cable.hurry();
    this.sync.everything();
    this.#markSeen();
  }

  #route() {
    const [, id] = location.hash.match(/^#\/conversations\/(\d+)$/) ?? [];
    const conversationId = id ? Number(id) : null;
    this.#wantsNone = location.hash === "#/";
    if (conversationId === this.state.chosen) return;
    this.typing.stop();
    this.page.removeAttribute("data-details");
    this.#wantsReply = conversationId !== null;
    this.dispatch({ type: "chosen", conversationId });
    if (this.state.loaded) this.#aloud(this.sync.open(conversationId));
  }

  #openTheOnlyOne() {
    const { chosen, loaded, conversations } = this.state;
    if (this.#wantsNone || chosen !== null || !loaded || conversations.size !== 1) return;
    location.replace(`#/conversations/${[...conversations.keys()][0]}`);
  }

  #markSeen() {
    const { chosen, seen, conversations } = this.state;
    const newest = chosen === null ? 0 : newestIncoming(this.state, chosen);
    if (document.hidden || newest <= (seen.get(chosen) ?? 0) || !conversations.has(chosen)) return;
    const asked = this.state.tick;
    this.dispatch({ type: "seen", conversationId: chosen, upTo: newest });
    const row = this.api.updateLastSeen(chosen);
    this.#quietly(row.then((raw) => this.dispatch({ type: "conversations", rows: [raw], asked })));
  }

  /** Without a line a new row is shown only when what lies before it has been read. */
  async #sent(sending) {
    await sending;
    if (this.state.link !== "live") this.sync.everything();
  }

  async #toggleStatus() {
    const { chosen, conversations } = this.state;
    const status = conversations.get(chosen)?.row.status === "open" ? "resolved" : "open";
    await this.#aloud(this.api.toggleStatus(chosen, status).then(() => this.sync.one(chosen)));
  }

  async #remove({ id, conversation_id }) {
    const asked = this.state.tick;
    const removing = this.api.deleteMessage(conversation_id, id);
    await this.#aloud(
      removing.then((row) => this.dispatch({ type: "messages", conversationId: conversation_id, rows: [row], asked })),
    );
  }

  #shortcut(event) {
    if (event.key === "Escape") return this.page.removeAttribute("data-details");
    if (!event.altKey || event.ctrlKey || event.metaKey) return;
    const act = {
      KeyL: () => this.composer.makePrivate(false),
      KeyP: () => this.composer.makePrivate(true),
      KeyE: () => this.state.chosen !== null && this.#toggleStatus(),
      KeyJ: () => this.#step(1),
      KeyK: () => this.#step(-1),
    }[event.code];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #step(by) {
    const rows = conversationList(this.state);
    const at = rows.findIndex(({ id }) => id === this.state.chosen);
    const target = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
    if (target) location.hash = `#/conversations/${target.id}`;
  }

  /** What the agent asked for: a failure is told. */
  #aloud(promise) {
    return promise.catch((error) => this.dispatch({ type: "notice", notice: error.message }));
  }

  /** What nobody asked for and the next event repeats: a failure is only noted. */
  #quietly(promise) {
    return promise.catch((error) => console.info("desk:", error.message));
  }
}

function identifierOf({ agent_pubsub_token, account_id, agent_id }) {
  return JSON.stringify({ channel: "RoomChannel", pubsub_token: agent_pubsub_token, account_id, user_id: agent_id });
}

function noticeIn({ link, notice }) {
  if (link === "lost") return "The live connection is gone. Trying again; nothing is lost.";
  return notice ?? "";
}

async function begin() {
  try {
    new Desk(await readSession(), document.querySelector("#desk")).start();
  } catch (error) {
    document.querySelector("#notice").textContent = `${error.message} Reload when the sandbox runs.`;
    throw error;
  }
}

begin();
