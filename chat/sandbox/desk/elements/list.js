/** The left column: conversations, newest activity first. */
import { conversationList, lastLine, unreadIn } from "../views.js";
import { h, keyed, set } from "./h.js";
import { initialsOf, lineOf, whenOf } from "./words.js";

const EMPTY = "Nobody has written yet. Write as a visitor and the conversation appears here.";

export function createList({ again }) {
  const rows = h("div", {
    class: "rows",
    onkeydown: moveByArrow,
    onclick: (event) => event.target.closest("[aria-current]") && again(),
  });
  const empty = h("p", { class: "hint" }, EMPTY);
  const agent = h("span", { class: "agent" });
  const head = h("header", { class: "head" }, h("h2", {}, "Conversations"), agent);
  const element = h("nav", { class: "list", "aria-label": "Conversations" }, head, empty, rows);
  const show = keyed(rows);
  return {
    element,
    update(state, agentName) {
      agent.textContent = agentName;
      const conversations = conversationList(state);
      set(empty, "hidden", conversations.length > 0 || !state.loaded);
      show(conversations.map((conversation) => rowBlock(state, conversation)));
    },
  };
}

export function avatar(contact, isOnline) {
  return h(
    "span",
    { class: "avatar", "aria-hidden": "true" },
    initialsOf(contact.name),
    isOnline && h("span", { class: "dot" }),
  );
}

function rowBlock(state, conversation) {
  const told = {
    conversation,
    line: lastLine(state, conversation.id),
    unread: unreadIn(state, conversation),
    isTyping: state.typing.has(conversation.id),
    isOnline: state.online.has(conversation.contact.id),
    isChosen: state.chosen === conversation.id,
    agentId: state.agentId,
  };
  return { key: conversation.id, deps: Object.values(told), make: () => row(told) };
}

function row({ conversation, line, unread, isTyping, isOnline, isChosen, agentId }) {
  const { id, contact, status, last_activity_at } = conversation;
  return h(
    "a",
    {
      class: "row",
      href: `#/conversations/${id}`,
      "data-conversation-id": id,
      "data-status": status,
      "data-unread": unread > 0,
      "aria-current": isChosen ? "true" : null,
    },
    avatar(contact, isOnline),
    h("span", { class: "name" }, contact.name),
    h("time", { class: "when", datetime: new Date(last_activity_at * 1000).toISOString() }, whenOf(last_activity_at)),
    h("span", { class: isTyping ? "line is-typing" : "line" }, isTyping ? "typing…" : preview(line, agentId)),
    unread > 0
      ? h(
          "span",
          { class: "unread", role: "img", "aria-label": `${unread} unread` },
          unread > 9 ? "9+" : String(unread),
        )
      : status !== "open" && h("span", { class: "status" }, status),
  );
}

function preview(message, agentId) {
  if (!message) return "";
  if (message.message_type === "incoming") return lineOf(message);
  const isOwn = message.sender?.kind === "user" && message.sender.id === agentId;
  const writer = isOwn ? "You" : (message.sender?.name ?? "Automatic");
  return `${message.isPrivate ? "Note" : writer}: ${lineOf(message)}`;
}

function moveByArrow(event) {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const target = step && event.target.closest(".row")?.[step];
  if (!target) return;
  event.preventDefault();
  target.focus();
}
