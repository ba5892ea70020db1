/** The right column: who the contact is. */
import { h, keyed, set } from "./h.js";
import { icon } from "./icon.js";
import { avatar } from "./list.js";
import { momentOf } from "./words.js";

export function createContact(actions) {
  const element = h("aside", { class: "contact", "aria-label": "Contact" });
  const show = keyed(element);
  return {
    element,
    update(state) {
      const row = state.conversations.get(state.chosen)?.row;
      set(element, "hidden", !row);
      const isOnline = row && state.online.has(row.contact.id);
      show(row ? [{ key: row.id, deps: [row, isOnline], make: () => card(row, isOnline, actions) }] : []);
    },
  };
}

function card(conversation, isOnline, actions) {
  const { contact } = conversation;
  const close = h(
    "button",
    { type: "button", class: "icon close", "aria-label": "Close", onclick: actions.toggleDetails },
    icon("remove"),
  );
  return h(
    "div",
    {},
    close,
    h("div", { class: "face" }, avatar(contact, false), h("h2", {}, contact.name), presence(isOnline)),
    section("Contact", contactFacts(contact)),
    section("About the contact", attributes(contact.custom_attributes)),
    section("Conversation", conversationFacts(conversation)),
    section("About the conversation", attributes(conversation.custom_attributes)),
  );
}

function presence(isOnline) {
  return h(
    "p",
    { class: "presence", "data-online": isOnline },
    h("span", { class: "dot", "aria-hidden": "true" }),
    isOnline ? "Online" : "Offline",
  );
}

function contactFacts({ email, phone_number, identifier, blocked }) {
  return [
    ["E-mail", email ?? "Not given"],
    ["Phone", phone_number ?? "Not given"],
    identifier && ["Identifier", identifier],
    blocked && ["Blocked", "Yes"],
  ];
}

function conversationFacts({ id, status, created_at, contact_last_seen_at, assignee, labels }) {
  return [
    ["Number", id],
    ["Status", status],
    ["Assigned to", assignee ?? "Nobody"],
    labels.length > 0 && ["Labels", labels.join(", ")],
    created_at > 0 && ["Begun", momentOf(created_at)],
    ["Contact read", contact_last_seen_at > 0 ? momentOf(contact_last_seen_at) : "Not yet"],
  ];
}

function attributes(values) {
  return Object.entries(values).map(([name, value]) => [
    name,
    typeof value === "object" ? JSON.stringify(value) : String(value),
  ]);
}

function section(title, facts) {
  const shown = facts.filter(Boolean);
  if (shown.length === 0) return null;
  return h(
    "section",
    {},
    h("h3", {}, title),
    h(
      "dl",
      {},
      shown.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]),
    ),
  );
}
