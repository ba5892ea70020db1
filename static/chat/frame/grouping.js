/**
 * The thread as a list of things to show: days, a divider, messages in groups. Pure.
 *
 * @import { Message, Sender, Tree } from "../wire.js"
 * @import { State, Unsent } from "../state.js"
 * @import { Delivery } from "./delivery.js"
 *
 * @typedef {{kind: "message", key: string, id: string|null, echoId: string|null, state: string, at: number, own: boolean,
 *   sender: Sender|null, text: Tree, contentType: string, deleted: boolean, first: boolean, last: boolean,
 *   delivery: Delivery|null, said: boolean, quote: QuoteView|null, answer: AnswerView|null, row: Message|Unsent}} MessageItem
 *   `said`: the delivery stands under the bubble.
 *   `quote`: what it replies to. `answer`: what the visitor answered to it.
 * @typedef {{text: string, own: boolean, removed: boolean}} QuoteView
 * @typedef {{values: any, word: "waiting"|"sending"|"sent"|"failed"}} AnswerView
 * @typedef {{kind: "day", key: string, at: number}} DayItem
 * @typedef {{kind: "speaker", key: string, name: string}} SpeakerItem from here on somebody else answers
 * @typedef {{kind: "divider", key: string}} DividerItem
 * @typedef {MessageItem|DayItem|DividerItem|SpeakerItem} Item
 */
import { inView, unsentInView } from "../selectors.js";
import { isDiscarded, isPlain, keyOf, ofMessage, ofUnsent } from "./delivery.js";
import { midnight } from "./times.js";

const GROUP_MS = 180_000;

/**
 * @param {State} state
 * @param {{now: number, dividerAt?: string|null, isSlow?: (key: string) => boolean, held?: boolean}} view
 *   `dividerAt`: first unread message. `held`: what is written now has to wait.
 * @returns {Item[]}
 */
export function items(state, { now, dividerAt = null, isSlow = () => false, held = false }) {
  const messages = [
    ...shown(state).map((message) => fromMessage(message, state, { slow: isSlow(keyOf(message)), held })),
    ...unsentInView(state).map((unsent) => fromUnsent(unsent, now, ofUnsent(unsent, state, { slow: isSlow(unsent.echo_id), held }))),
  ];
  shapeGroups(messages, dividerAt);
  sayDeliveries(messages);
  return withSeparators(messages, dividerAt);
}

/** @param {State} state */
function shown(state) {
  return inView(state).filter((message) => !isDiscarded(message, state));
}

/** @param {Message} message @param {State} state @param {import("./delivery.js").How} how @returns {MessageItem} */
function fromMessage(message, state, how) {
  const own = message.direction === "incoming";
  return {
    kind: "message",
    key: keyOf(message), // A draft and the row it becomes are one element.
    id: message.id,
    echoId: message.echo_id,
    state: message.state,
    at: message.at,
    own,
    sender: message.sender,
    text: message.text,
    contentType: message.content_type,
    deleted: message.deleted,
    first: true,
    last: true,
    delivery: own && !message.deleted ? ofMessage(message, state, how) : null,
    said: false,
    quote: quoteOf(message, state),
    answer: answerOf(message, state),
    row: message,
  };
}

/** @param {Unsent} unsent @param {number} now @param {Delivery} delivery @returns {MessageItem} */
function fromUnsent(unsent, now, delivery) {
  return {
    kind: "message",
    key: unsent.echo_id,
    id: unsent.accepted,
    echoId: unsent.echo_id,
    state: unsent.refused ? "refused" : unsent.accepted ? "accepted" : "unsent",
    at: Math.min(unsent.at, now),
    own: true,
    sender: null,
    text: unsent.text ? [{ t: "p", c: lines(unsent.text) }] : [],
    contentType: "text",
    deleted: false,
    first: true,
    last: true,
    delivery,
    said: false,
    quote: null,
    answer: null,
    row: unsent,
  };
}

/** Its words as they are now: a message that was removed since is quoted nowhere. @param {Message} message @param {State} state @returns {QuoteView|null} */
function quoteOf({ attributes: { reply_to: quote } }, state) {
  if (!quote) return null;
  const known = state.messages.get(quote.id) ?? state.hidden.get(quote.id);
  return { text: known?.deleted ? "" : quote.text, own: quote.own, removed: known?.deleted ?? false };
}

/** @param {Message} message @param {State} state @returns {AnswerView|null} */
function answerOf({ id, attributes: { answer } }, state) {
  const asked = state.asked.get(id);
  if (asked?.action === "answer") {
    const waiting = state.status === "offline" ? "waiting" : "sending";
    return { values: asked.values, word: asked.refused ? "failed" : waiting };
  }
  return answer ? { values: answer.values, word: answer.state === "accepted" ? "sending" : answer.state } : null;
}

/** @param {string} text @returns {import("../wire.js").Inline[]} */
function lines(text) {
  return text.split("\n").flatMap((line, index) => (index ? [{ t: /** @type {const} */ ("br") }, line] : [line]));
}

/** @param {MessageItem[]} messages @param {string|null} dividerAt */
function shapeGroups(messages, dividerAt) {
  messages.forEach((message, index) => {
    const before = messages[index - 1];
    const divided = dividerAt !== null && message.id === dividerAt;
    if (!before || divided || !together(before, message)) return;
    message.first = false;
    before.last = false;
  });
}

/** @param {MessageItem} a @param {MessageItem} b */
function together(a, b) {
  return (
    a.own === b.own &&
    a.sender?.name === b.sender?.name &&
    a.sender?.kind === b.sender?.kind &&
    b.at - a.at < GROUP_MS &&
    midnight(a.at) === midnight(b.at)
  );
}

/** @param {MessageItem[]} messages */
function sayDeliveries(messages) {
  const last = messages.findLast((message) => message.own && message.delivery);
  const underway = messages.filter(({ delivery }) => delivery?.word === "sending");
  for (const message of messages) {
    if (!message.delivery) continue;
    // "Sending" is said once, under the last: five quick messages need no five notes.
    const repeated = message.delivery.word === "sending" && message !== underway.at(-1);
    message.said = message === last || !(isPlain(message.delivery) || repeated);
  }
}

/** @param {MessageItem[]} messages @param {string|null} dividerAt @returns {Item[]} */
function withSeparators(messages, dividerAt) {
  /** @type {Item[]} */
  const all = [];
  let day = NaN;
  let speaker = "";
  for (const message of messages) {
    // What was not sent stands last, however old it is, and each day has one place.
    if (!(midnight(message.at) <= day)) {
      day = midnight(message.at);
      all.push({ kind: "day", key: `day:${day}`, at: message.at });
    }
    if (dividerAt && message.id === dividerAt) all.push({ kind: "divider", key: "divider" });
    const name = nameOf(message);
    if (name && speaker && name !== speaker && message.sender?.kind === "agent") {
      all.push({ kind: "speaker", key: `speaker:${message.key}`, name });
    }
    speaker = name || speaker;
    all.push(message);
  }
  return all;
}

/** @param {MessageItem} message @returns {string} of an agent or a bot; nobody wrote an automatic one */
function nameOf({ own, sender, deleted }) {
  return own || deleted ? "" : (sender?.name ?? "");
}
