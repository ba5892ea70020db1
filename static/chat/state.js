/**
 * What a client knows, as a pure function of what happened. Arrival order means nothing: rows are kept by
 * id, a row is only replaced by one with a higher seq, and threads are sorted by (at, id).
 *
 * @import { Conversation, Fault, Message, ResetFrame, ServerFrame } from "./wire.js"
 *
 * A file of such a message: `key` is this page's name for it, `id` the server's, once it is there.
 * @typedef {{key: string, id: string|null, name: string, size: number, type: string}} UnsentFile
 *
 * A message of ours that the server does not show yet. `accepted` is the server's message id, `owner` the contact who
 * wrote it signed in: it goes out as that person or not at all. Without one it belongs to whoever sits here next.
 * @typedef {{echo_id: string, text: string, conversation: string|null, at: number,
 *   accepted: string|null, refused: Fault|null, owner?: string|null, begins?: string|null,
 *   files?: readonly UnsentFile[]}} Unsent
 *   `begins`: the key of a conversation that begins with it, unless it was begun already.
 *
 * The oldest row we show of a conversation. A new row below it stays hidden until paging back comes that far: that page
 * may have been read before the row came. What is hidden counts as unread all the same.
 * @typedef {{at: number, id: string, more: boolean}} Floor
 * @typedef {{name: string, until: number}} Typing
 *
 * What the visitor wants done about a message that was lost; it holds until its row changes from what it was (`seq`).
 * Or what they answer to a question; it holds until the row shows an answer that is none of the `old` ones.
 * @typedef {{action: "retry"|"discard"|"answer", seq: number, refused: Fault|null, values?: unknown, old?: string[]}} Asked
 * @typedef {"new"|"connecting"|"online"|"offline"|"stopped"} Status
 *
 * @typedef {{status: Status, loaded: boolean, cursor: string|null, online: boolean,
 *   conversations: ReadonlyMap<string, Conversation>, messages: ReadonlyMap<string, Message>,
 *   hidden: ReadonlyMap<string, Message>, unsent: readonly Unsent[], floors: ReadonlyMap<string, Floor>,
 *   typing: ReadonlyMap<string, Typing>, asked: ReadonlyMap<string, Asked>,
 *   shown: string|null, begins: string|null}} State
 *   `shown`: the conversation that the visitor chose, or wrote to; null: the one spoken in last. `begins`: the key of a new one, which
 *   they chose instead.
 *
 * @typedef {{type: "frame", frame: ServerFrame, now: number}
 *   | {type: "written", unsent: Unsent[]} | {type: "retried", echo_id: string} | {type: "discarded", echo_id: string}
 *   | {type: "uploaded", key: string, id: string} | {type: "not_uploaded", key: string, error: Fault}
 *   | {type: "asked", id: string, action: "retry"|"discard"} | {type: "answered", id: string, asked: Asked}
 *   | {type: "older", conversation: string, messages: Message[], more: boolean}
 *   | {type: "seen", conversation: string, at: number} | {type: "status", status: Status}
 *   | {type: "viewed", conversation: string|null} | {type: "begun", key: string} | {type: "tick", now: number}
 *   | {type: "signed_out", contact: string|null} | {type: "owned", contact: string} | {type: "left"}} Event
 *   `signed_out`: what follows belongs to that contact, or nobody yet; `left`: nothing may remain of who was here.
 */

import { isHeard } from "./answering.js";
import { bare, changed, homeless, isOf, merged, owned, retried, withFile } from "./outgoing.js";

/** @type {Asked} */ const NO_WISH = { action: "retry", seq: Infinity, refused: null };
const TYPING_MS = 30_000; // Chatwoot may never say "off": the agent closed the window.

/** @type {State} */
export const NOTHING = Object.freeze({
  status: "new",
  loaded: false,
  cursor: null,
  online: false,
  conversations: new Map(),
  messages: new Map(),
  hidden: new Map(),
  unsent: [],
  floors: new Map(),
  typing: new Map(),
  asked: new Map(),
  shown: null,
  begins: null,
});

/** @param {{at: number, id: string}} a @param {{at: number, id: string}} b */
export function byPlace(a, b) {
  return a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** @param {string|null} cursor @returns {{epoch: string, seq: number}} */
export function parseCursor(cursor) {
  const [epoch = "", seq = "-1"] = (cursor ?? "").split(".");
  return { epoch, seq: Number(seq) };
}

/** @param {State} state @param {Event} event @returns {State} */
export function reduce(state, event) {
  switch (event.type) {
    case "frame":
      return onFrame(state, event.frame, event.now);
    case "written":
      return { ...state, unsent: merged(state, event.unsent) };
    case "retried":
      return changed(state, event.echo_id, retried);
    case "discarded":
      return { ...state, unsent: state.unsent.filter((unsent) => unsent.echo_id !== event.echo_id) };
    case "uploaded":
      return withFile(state, event.key, (unsent) => ({ ...unsent, files: unsent.files?.map((f) => (f.key === event.key ? { ...f, id: event.id } : f)) }));
    case "not_uploaded":
      return withFile(state, event.key, (unsent) => ({ ...unsent, refused: event.error }));
    case "asked":
      return asked(state, event.id, event.action);
    case "answered":
      return { ...state, asked: new Map(state.asked).set(event.id, event.asked) };
    case "older":
      return older(state, event.conversation, event.messages, event.more);
    case "seen":
      return seen(state, event.conversation, event.at);
    case "status":
      return state.status === event.status ? state : { ...state, status: event.status };
    case "viewed":
      return { ...state, shown: event.conversation, begins: null };
    case "begun":
      return { ...state, shown: null, begins: event.key };
    case "tick":
      return expired(state, event.now);
    case "signed_out":
      return { ...NOTHING, unsent: state.unsent.filter((unsent) => !unsent.accepted && isOf(unsent, event.contact)).map((unsent) => bare(homeless(unsent))) };
    case "owned":
      return owned(state, event.contact);
    case "left":
      return NOTHING;
  }
}

/** @param {State} state @param {ServerFrame} frame @param {number} now @returns {State} */
function onFrame(state, frame, now) {
  switch (frame.type) {
    case "reset":
      return reset(state, frame);
    case "changes":
      return rows({ ...state, cursor: frame.cursor, loaded: true }, frame.conversations, frame.messages);
    case "accepted":
      if (state.messages.has(frame.message)) {
        return { ...state, unsent: state.unsent.filter((unsent) => unsent.echo_id !== frame.echo_id) };
      }
      return changed(state, frame.echo_id, (unsent) => ({ ...unsent, accepted: frame.message, refused: null }));
    case "refused":
      if (frame.message) return unanswered(state, frame.message, frame.error);
      return changed(state, frame.echo_id ?? "", (unsent) => ({ ...unsent, refused: frame.error }));
    case "typing":
      return typing(state, frame.conversation, frame.on ? { name: frame.name, until: now + TYPING_MS } : null);
    case "presence":
      return { ...state, online: frame.online };
    default:
      return state;
  }
}

/** Drop the view, keep what is unsent, begin here. @param {State} state @param {ResetFrame} frame @returns {State} */
function reset(state, frame) {
  const kept = state.unsent.filter((unsent) => !unsent.accepted);
  const { status, online, asked, shown, begins } = state;
  const fresh = { ...NOTHING, status, online, asked, shown, begins, cursor: frame.cursor, loaded: true, unsent: kept };
  const messages = [...frame.messages].sort(byPlace);
  const newest = messages.at(-1);
  /** @type {Map<string, Floor>} */
  const floors = new Map();
  for (const { id } of frame.conversations) {
    const oldest = messages.find((message) => message.conversation === id);
    // Of the others there is what is unread: no thread without what lies between.
    if (!oldest || id !== newest?.conversation) floors.set(id, { at: newest?.at ?? 0, id: "~", more: true });
    else if (!frame.more) floors.set(id, { at: -Infinity, id: "", more: false });
    else floors.set(id, { at: oldest.at, id: oldest.id, more: true });
  }
  return rows({ ...fresh, floors }, frame.conversations, messages);
}

/** @param {State} state @param {Conversation[]} conversations @param {Message[]} messages @returns {State} */
function rows(state, conversations, messages) {
  const shown = messages.filter((message) => state.messages.has(message.id) || isAbove(state, message));
  const speaking = new Set(messages.filter((m) => m.direction === "outgoing" && !state.messages.has(m.id)).map((m) => m.conversation));
  const echoes = new Set(messages.map((message) => message.echo_id));
  return {
    ...state,
    ...begun(state, messages),
    asked: stillAsked(state.asked, messages),
    conversations: upsert(state.conversations, conversations),
    messages: upsert(state.messages, shown),
    hidden: upsert(state.hidden, messages.filter((message) => !shown.includes(message))),
    unsent: state.unsent.some((u) => echoes.has(u.echo_id)) ? state.unsent.filter((u) => !echoes.has(u.echo_id)) : state.unsent,
    typing: [...state.typing.keys()].some((id) => speaking.has(id))
      ? new Map([...state.typing].filter(([id]) => !speaking.has(id)))
      : state.typing,
  };
}

/** What began as a new conversation has become one. @param {State} state @param {Message[]} messages */
function begun({ begins, shown, unsent }, messages) {
  const first = unsent.find((one) => begins && one.begins === begins && messages.some(({ echo_id }) => echo_id === one.echo_id));
  const row = first && messages.find(({ echo_id }) => echo_id === first.echo_id);
  return row ? { shown: row.conversation, begins: null } : { shown, begins };
}

/** @param {State["asked"]} asked @param {Message[]} messages @returns {State["asked"]} without what these rows answer */
function stillAsked(asked, messages) {
  const isDone = (/** @type {Message} */ row, /** @type {Asked} */ wanted) =>
    wanted.action === "answer" ? isHeard(row, wanted) : row.seq > wanted.seq;
  const answered = new Set(messages.filter((row) => isDone(row, asked.get(row.id) ?? NO_WISH)).map(({ id }) => id));
  return answered.size ? new Map([...asked].filter(([id]) => !answered.has(id))) : asked;
}

/** @param {State} state @param {string} id @param {"retry"|"discard"} action @returns {State} */
function asked(state, id, action) {
  const seq = state.messages.get(id)?.seq ?? 0;
  return { ...state, asked: new Map(state.asked).set(id, { action, seq, refused: null }) };
}

/** @param {State} state @param {string} id @param {Fault} refused @returns {State} */
function unanswered(state, id, refused) {
  const wanted = state.asked.get(id);
  if (!wanted) return state;
  const next = new Map(state.asked);
  next.delete(id);
  // Not lost: somebody was quicker, and the row says so.
  return { ...state, asked: refused.code === "not_lost" ? next : next.set(id, { ...wanted, refused }) };
}

/** @param {State} state @param {Message} message */
function isAbove(state, { conversation, at, id }) {
  const floor = state.floors.get(conversation);
  return !floor || byPlace({ at, id }, floor) >= 0;
}

/** @template {{id: string, seq: number}} R @param {ReadonlyMap<string, R>} map @param {R[]} incoming @returns {ReadonlyMap<string, R>} */
function upsert(map, incoming) {
  /** @type {Map<string, R>|null} */
  let next = null;
  for (const row of incoming) {
    const held = (next ?? map).get(row.id);
    if (!held || row.seq > held.seq) (next ??= new Map(map)).set(row.id, row);
  }
  return next ?? map;
}

/** @param {State} state @param {string} conversation @param {Message[]} messages @param {boolean} more @returns {State} */
function older(state, conversation, messages, more) {
  const [oldest] = [...messages].sort(byPlace);
  const floor = more && oldest ? { at: oldest.at, id: oldest.id, more } : { at: -Infinity, id: "", more: false };
  const lower = { ...state, floors: new Map(state.floors).set(conversation, floor) };
  const revealed = [...state.hidden.values()].filter((message) => isAbove(lower, message));
  return {
    ...lower,
    messages: upsert(state.messages, [...messages, ...revealed]),
    hidden: new Map([...state.hidden].filter(([, message]) => !revealed.includes(message))),
  };
}

/** @param {State} state @param {string} id @param {number} at @returns {State} */
function seen(state, id, at) {
  const conversation = state.conversations.get(id);
  if (!conversation || conversation.contact_seen >= at) return state;
  return { ...state, conversations: new Map(state.conversations).set(id, { ...conversation, contact_seen: at }) };
}

/** @param {State} state @param {string} conversation @param {Typing|null} who @returns {State} */
function typing(state, conversation, who) {
  if (!who && !state.typing.has(conversation)) return state;
  const next = new Map(state.typing);
  next.delete(conversation);
  return { ...state, typing: who ? next.set(conversation, who) : next };
}

/** @param {State} state @param {number} now @returns {State} */
function expired(state, now) {
  const live = [...state.typing].filter(([, { until }]) => until > now);
  return live.length === state.typing.size ? state : { ...state, typing: new Map(live) };
}
