/** Questions to the state: what the columns show. */
import { topOf } from "./state.js";

const GROUP_S = 180;

/** Conversations, newest activity first. */
export function conversationList(state) {
  return [...state.conversations.values()]
    .map(({ row }) => row)
    .sort((one, other) => other.last_activity_at - one.last_activity_at || other.id - one.id);
}

/** The messages of a conversation that are known without a hole, oldest first. */
export function threadOf(state, conversationId) {
  const floor = state.floors.get(conversationId) ?? 0;
  const top = topOf(state, conversationId);
  return rowsOf(state, conversationId).filter(({ id }) => id >= floor && id <= top);
}

/** The newest message that is no activity; null when there is none. */
export function lastLine(state, conversationId) {
  return rowsOf(state, conversationId).findLast((message) => message.message_type !== "activity") ?? null;
}

/** How many messages wait to be read: Chatwoot's count, unless all of them have been on screen here. */
export function unreadIn(state, conversation) {
  const newest = newestIncoming(state, conversation.id);
  return newest > 0 && newest <= (state.seen.get(conversation.id) ?? 0) ? 0 : conversation.unread_count;
}

/** The id of the contact's newest message; 0 when none is known. */
export function newestIncoming(state, conversationId) {
  return rowsOf(state, conversationId).findLast((message) => message.message_type === "incoming")?.id ?? 0;
}

/** Conversations that a message told us of before any row did. */
export function unknownConversations(state) {
  return [...state.messages.keys()].filter((id) => !state.conversations.has(id));
}

export function draftsOf(state, conversationId) {
  return state.drafts.filter((draft) => draft.conversation_id === conversationId);
}

/**
 * The thread in blocks for the screen: days, messages with their place in a group, drafts.
 * A group is one writer within three minutes; the delivery state stands under the last message of our side.
 */
export function blocksOf(state, conversationId) {
  const messages = threadOf(state, conversationId);
  const lastOwn = messages.findLast(isReply)?.id;
  const blocks = messages.flatMap((message, index) => {
    const before = messages[index - 1];
    const after = messages[index + 1];
    const block = {
      kind: "message",
      key: `m${message.id}`,
      message,
      opens: !sameGroup(before, message),
      closes: !sameGroup(message, after),
      told: message.id === lastOwn || message.status === "failed",
    };
    return sameDay(before, message) ? [block] : [dayBlock(message), block];
  });
  const drafts = draftsOf(state, conversationId).map((draft) => ({ kind: "draft", key: `d${draft.echo_id}`, draft }));
  return [...blocks, ...drafts];
}

function rowsOf(state, conversationId) {
  const thread = [...(state.messages.get(conversationId)?.values() ?? [])].map(({ row }) => row);
  return thread.sort((one, other) => one.id - other.id);
}

function dayBlock(message) {
  return { kind: "day", key: `day${message.id}`, at: message.created_at };
}

function sameGroup(one, other) {
  if (!one || !other) return false;
  const sameVoice = voice(one) === voice(other);
  return sameVoice && sameDay(one, other) && other.created_at - one.created_at <= GROUP_S;
}

function voice(message) {
  const { message_type, isPrivate, sender } = message;
  return `${message_type} ${isPrivate} ${sender?.kind} ${sender?.id}`;
}

function sameDay(one, other) {
  return Boolean(one && other) && dayOf(one.created_at) === dayOf(other.created_at);
}

const dayOf = (seconds) => new Date(seconds * 1000).toDateString();
const isReply = (message) => message.message_type === "outgoing" && !message.isPrivate && !message.deleted;
