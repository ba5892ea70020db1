/**
 * What a client knows, as a pure function of what happened. Arrival order means nothing: rows are kept by
 * id, a row is only replaced by one with a higher seq, and threads are sorted by (at, id).
 *
 * @import { Conversation, Fault, Message, ResetFrame, ServerFrame } from "./wire.js"
 *
 * A message of ours that the server does not show yet. `accepted` is the server's message id.
 * @typedef {{echo_id: string, text: string, conversation: string|null, at: number,
 *   accepted: string|null, refused: Fault|null}} Unsent
 *
 * The oldest row we show of a conversation. A new row below it stays hidden until paging back comes that far: that page
 * may have been read before the row came.
 * @typedef {{at: number, id: string, more: boolean}} Floor
 * @typedef {{name: string, until: number}} Typing
 *
 * What the visitor wants done about a message that was lost. It holds until its row changes from what it was (`seq`).
 * @typedef {{action: "retry"|"discard", seq: number, refused: Fault|null}} Asked
 * @typedef {"new"|"connecting"|"online"|"offline"|"stopped"} Status
 *
 * @typedef {{status: Status, loaded: boolean, cursor: string|null, online: boolean,
 *   conversations: ReadonlyMap<string, Conversation>, messages: ReadonlyMap<string, Message>,
 *   hidden: ReadonlyMap<string, Message>, unsent: readonly Unsent[], floors: ReadonlyMap<string, Floor>,
 *   typing: ReadonlyMap<string, Typing>, asked: ReadonlyMap<string, Asked>}} State
 *
 * @typedef {{type: "frame", frame: ServerFrame, now: number}
 *   | {type: "written", unsent: Unsent[]} | {type: "retried", echo_id: string} | {type: "discarded", echo_id: string}
 *   | {type: "asked", id: string, action: Asked["action"]}
 *   | {type: "older", conversation: string, messages: Message[], more: boolean}
 *   | {type: "seen", conversation: string, at: number} | {type: "status", status: Status}
 *   | {type: "tick", now: number} | {type: "signed_out"}} Event
 */

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
    case "asked":
      return asked(state, event.id, event.action);
    case "older":
      return older(state, event.conversation, event.messages, event.more);
    case "seen":
      return seen(state, event.conversation, event.at);
    case "status":
      return state.status === event.status ? state : { ...state, status: event.status };
    case "tick":
      return expired(state, event.now);
    case "signed_out":
      return { ...NOTHING, unsent: state.unsent.filter((unsent) => !unsent.accepted).map(homeless) };
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
  const { status, online, asked } = state;
  const fresh = { ...NOTHING, status, online, asked, cursor: frame.cursor, loaded: true, unsent: kept };
  const messages = [...frame.messages].sort(byPlace);
  const newest = messages.at(-1)?.at ?? 0;
  /** @type {Map<string, Floor>} */
  const floors = new Map();
  for (const { id } of frame.conversations) {
    const own = messages.filter((message) => message.conversation === id);
    const [oldest] = own;
    if (!oldest) floors.set(id, { at: newest, id: "~", more: true });
    else if (!frame.more) floors.set(id, { at: -Infinity, id: "", more: false });
    else floors.set(id, { at: oldest.at, id: oldest.id, more: true });
  }
  return { ...rows(fresh, frame.conversations, messages), floors };
}

/** @param {State} state @param {Conversation[]} conversations @param {Message[]} messages @returns {State} */
function rows(state, conversations, messages) {
  const shown = messages.filter((message) => state.messages.has(message.id) || isAbove(state, message));
  const speaking = new Set(messages.filter((m) => m.direction === "outgoing" && !state.messages.has(m.id)).map((m) => m.conversation));
  const echoes = new Set(messages.map((message) => message.echo_id));
  return {
    ...state,
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

/** @param {State["asked"]} asked @param {Message[]} messages @returns {State["asked"]} without what these rows answer */
function stillAsked(asked, messages) {
  const answered = new Set(messages.filter(({ id, seq }) => seq > (asked.get(id)?.seq ?? seq)).map(({ id }) => id));
  return answered.size ? new Map([...asked].filter(([id]) => !answered.has(id))) : asked;
}

/** @param {State} state @param {string} id @param {Asked["action"]} action @returns {State} */
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

/** @param {State} state @param {Unsent[]} incoming @returns {Unsent[]} */
function merged(state, incoming) {
  const echoes = new Set([...state.messages.values()].map((message) => message.echo_id));
  for (const unsent of state.unsent) echoes.add(unsent.echo_id);
  return [...state.unsent, ...incoming.filter((unsent) => !echoes.has(unsent.echo_id))].sort((a, b) => a.at - b.at);
}

/** @param {State} state @param {string} echoId @param {(unsent: Unsent) => Unsent} change @returns {State} */
function changed(state, echoId, change) {
  return { ...state, unsent: state.unsent.map((unsent) => (unsent.echo_id === echoId ? change(unsent) : unsent)) };
}

/** Where its conversation is gone, into the current one. @param {Unsent} unsent @returns {Unsent} */
function retried(unsent) {
  const again = { ...unsent, refused: null };
  return unsent.refused?.code === "no_such_conversation" ? homeless(again) : again;
}

/** @param {Unsent} unsent @returns {Unsent} */
function homeless(unsent) {
  return { ...unsent, conversation: null };
}
