/**
 * What the desk knows, as a function of events: `next(state, event)` changes nothing, it returns what follows.
 * The cable neither orders its frames nor sends them once (contract §3.5), so rows are put by id, never appended,
 * and an older row never replaces a newer one.
 */
import { contactFrom, conversationFrom, messageFrom, messagesIn } from "./rows.js";

const TYPING_LASTS_MS = 30_000; // A typing_off that got lost must not leave somebody typing for ever.

export function initialState(agentId = null) {
  return {
    agentId,
    tick: 0, // counts frames: a read that began before a frame must not undo it
    link: "connecting",
    line: 0, // counts confirmed lines: what was read on an older one may have a gap behind it
    loaded: false,
    conversations: new Map(),
    messages: new Map(), // conversation id → (message id → message)
    floors: new Map(), // conversation id → oldest id of the part that has been read without a hole
    tops: new Map(), // conversation id → newest id of that part, while rows beyond it may be missing
    begun: new Set(), // conversations whose very first message is known
    drafts: [],
    typing: new Map(),
    online: new Set(),
    seen: new Map(), // conversation id → newest message id that was on screen
    chosen: null,
    notice: null,
  };
}

/** The state after `event`; the same object when the event changes nothing. */
export function next(state, event) {
  const step = STEPS[event.type];
  return step ? step(state, event) : state;
}

const STEPS = {
  frame: (state, event) => {
    const apply = FRAMES[event.name];
    const ticked = { ...state, tick: state.tick + 1 };
    return apply ? apply(ticked, event.data, event.at) : state;
  },
  conversations: (state, { rows, asked, complete }) => {
    const put = rows.reduce((before, raw) => putConversation(before, raw, asked), state);
    return complete ? { ...put, loaded: true } : put;
  },
  messages: (state, { conversationId, rows, asked, floor, begun, reached }) => {
    const put = rows.reduce((before, raw) => putMessage(before, messageFrom(raw), asked), state);
    const floors = floor === undefined ? put.floors : lowered(put.floors, conversationId, floor);
    const risen = reached ? raiseTop(put, conversationId, rows, reached) : put;
    return { ...risen, floors, begun: begun ? new Set([...put.begun, conversationId]) : put.begun };
  },
  sending: (state, { draft }) => ({ ...state, drafts: [...without(state.drafts, draft.echo_id), draft] }),
  unsent: (state, { echo_id, reason }) => ({
    ...state,
    drafts: state.drafts.map((draft) => (draft.echo_id === echo_id ? { ...draft, reason } : draft)),
  }),
  discarded: (state, { echo_id }) => ({ ...state, drafts: without(state.drafts, echo_id) }),
  sent: (state, { echo_id, row, asked }) =>
    putMessage({ ...state, drafts: without(state.drafts, echo_id) }, messageFrom(row), asked),
  seen: (state, { conversationId, upTo }) =>
    (state.seen.get(conversationId) ?? 0) >= upTo
      ? state
      : { ...state, seen: new Map(state.seen).set(conversationId, upTo) },
  time: (state, { now }) => {
    const typing = new Map([...state.typing].filter(([, writer]) => writer.until > now));
    return typing.size === state.typing.size ? state : { ...state, typing };
  },
  chosen: (state, { conversationId }) => ({ ...state, chosen: conversationId, notice: null }),
  link: (state, { link }) =>
    link === "live" ? { ...state, link, line: state.line + 1 } : closeTops({ ...state, link }),
  notice: (state, { notice }) => (state.notice === notice ? state : { ...state, notice }),
};

const FRAMES = {
  "message.created": (state, raw) => noteActivity(stopTyping(putFrame(state, raw), raw), raw),
  "message.updated": (state, raw) => putFrame(state, raw),
  "conversation.created": conversationFrame,
  "conversation.updated": conversationFrame,
  "conversation.status_changed": conversationFrame,
  "conversation.read": conversationFrame,
  "conversation.contact_changed": conversationFrame,
  "assignee.changed": conversationFrame,
  "team.changed": conversationFrame,
  "conversation.typing_on": (state, raw, at) => {
    if (raw.user?.type === "user" && raw.user.id === state.agentId) return state;
    const writer = { id: raw.user?.id, name: raw.user?.name || "Somebody", until: at + TYPING_LASTS_MS };
    return { ...state, typing: new Map(state.typing).set(raw.conversation.id, writer) };
  },
  "conversation.typing_off": (state, raw) => forgetTyping(state, raw.conversation.id),
  "contact.updated": (state, raw) => putContact(state, contactFrom(raw)),
  "presence.update": (state, raw) => {
    const present = Object.entries(raw.contacts ?? {}).filter(([, availability]) => availability === "online");
    return { ...state, online: new Set(present.map(([id]) => Number(id))) };
  },
};

function conversationFrame(state, raw) {
  return putConversation(state, raw);
}

function putFrame(state, raw) {
  const message = messageFrom(raw);
  return putMessage({ ...state, drafts: without(state.drafts, message.echo_id) }, message);
}

/** `asked` is the tick at which a read began; a frame has none. */
function putMessage(state, message, asked) {
  const thread = state.messages.get(message.conversation_id) ?? new Map();
  const held = thread.get(message.id);
  if (held && !replaces(message, held, asked)) return state;
  const row = { ...message, updated_at: message.updated_at ?? held?.row.updated_at ?? null };
  if (held && sameRow(row, held.row)) return state;
  const messages = new Map(state.messages);
  messages.set(message.conversation_id, new Map(thread).set(message.id, { row, touched: touchedAt(state, asked) }));
  return { ...state, messages };
}

function replaces(message, held, asked) {
  if (held.row.deleted !== message.deleted) return message.deleted; // removal is final, whatever arrives late
  if (typeof asked === "number") return held.touched <= asked;
  return (message.updated_at ?? "") >= (held.row.updated_at ?? "");
}

function putConversation(state, raw, asked) {
  const isRead = typeof asked === "number";
  const withMessages = messagesIn(raw).reduce(
    (before, message) => putMessage(before, message, isRead ? asked : undefined),
    state,
  );
  const held = state.conversations.get(raw.id);
  const row = conversationFrom(raw);
  const stale = held && (isRead ? held.touched > asked : row.updated_at < held.row.updated_at);
  if (stale || (held && sameRow(row, held.row))) return withMessages;
  return keepConversation(withMessages, row, touchedAt(state, isRead ? asked : undefined));
}

function keepConversation(state, row, touched) {
  return { ...state, conversations: new Map(state.conversations).set(row.id, { row, touched }) };
}

/** A message frame tells the conversation's newest activity and count, which no conversation frame may repeat. */
function noteActivity(state, raw) {
  const held = state.conversations.get(raw.conversation_id);
  const told = raw.conversation;
  if (!held || !told || told.last_activity_at < held.row.last_activity_at) return state;
  const { last_activity_at, unread_count } = told;
  return keepConversation(state, { ...held.row, last_activity_at, unread_count }, state.tick);
}

function putContact(state, contact) {
  const changed = [...state.conversations.values()].filter(({ row }) => row.contact.id === contact.id);
  return changed.reduce((before, { row }) => keepConversation(before, { ...row, contact }, state.tick), state);
}

function stopTyping(state, raw) {
  const writer = state.typing.get(raw.conversation_id);
  return writer && writer.id === raw.sender?.id ? forgetTyping(state, raw.conversation_id) : state;
}

function forgetTyping(state, conversationId) {
  if (!state.typing.has(conversationId)) return state;
  const typing = new Map(state.typing);
  typing.delete(conversationId);
  return { ...state, typing };
}

/** The line is gone: what comes next may come after a gap, and waits until that has been read. */
function closeTops(state) {
  const newest = (id) => Math.max(0, ...(state.messages.get(id)?.keys() ?? []));
  return {
    ...state,
    tops: new Map([...state.floors.keys()].map((id) => [id, Math.min(topOf(state, id), newest(id))])),
  };
}

/** A read that reached the end on the line that is still live leaves no gap; any other only what it brought. */
function raiseTop(state, id, rows, { atEnd, line }) {
  const isWhole = atEnd && state.link === "live" && line === state.line;
  const last = rows.at(-1)?.id ?? topOf(state, id);
  const top = isWhole ? Infinity : Math.max(last, state.tops.get(id) ?? 0);
  return { ...state, tops: new Map(state.tops).set(id, top) };
}

/** The newest id that may be shown. */
export const topOf = (state, id) => state.tops.get(id) ?? Infinity;

const touchedAt = (state, asked) => asked ?? state.tick;
const without = (drafts, echoId) => (echoId ? drafts.filter((draft) => draft.echo_id !== echoId) : drafts);
const lowered = (floors, id, floor) => new Map(floors).set(id, Math.min(floor, floors.get(id) ?? floor));
const sameRow = (one, other) =>
  JSON.stringify({ ...one, echo_id: null }) === JSON.stringify({ ...other, echo_id: null });
