/** The middle column: whose conversation it is, what was said, who types. */
import { blocksOf } from "../views.js";
import { h, keyed, set, write } from "./h.js";
import { icon } from "./icon.js";
import { avatar } from "./list.js";
import { day, draft, message } from "./message.js";

const NEAR_PX = 48;

export class Thread {
  #actions;
  #composer;
  #shown = null;

  constructor(actions, composer) {
    this.#actions = actions;
    this.#composer = composer;
    this.head = this.#head();
    this.log = new Log(actions);
    this.typing = h("p", { class: "typing", role: "status" });
    this.empty = h("p", { class: "hint" });
    this.foot = h("div", { class: "foot" }, this.log.jump, this.typing, composer.element);
    this.element = h("main", { class: "thread" }, this.head, this.empty, this.log.element, this.foot);
    this.element.addEventListener("dragover", (event) => event.preventDefault());
    this.element.addEventListener("drop", (event) => this.#dropped(event));
  }

  update(state) {
    const held = state.conversations.get(state.chosen);
    for (const part of [this.head, this.log.element, this.foot]) set(part, "hidden", !held);
    set(this.empty, "hidden", Boolean(held));
    write(this.empty, held ? "" : emptyText(state));
    if (!held) return;
    this.#composer.update(state);
    this.#updateHead(state, held.row);
    write(this.typing, typingText(state.typing.get(state.chosen)));
    this.log.update(state, this.#shown !== state.chosen, (block) => drawn(block, this.#actions));
    this.#shown = state.chosen;
  }

  #head() {
    const { toggleStatus, toggleDetails } = this.#actions;
    const back = h("a", { class: "icon back", href: "#/", "aria-label": "All conversations" }, icon("back"));
    const person = h("div", { class: "person" });
    const keys = { type: "button", class: "quiet-button", "aria-keyshortcuts": "Alt+E", title: "Alt + E" };
    this.status = h("button", { ...keys, onclick: toggleStatus });
    const about = { type: "button", class: "icon details", "aria-label": "Contact", title: "Contact" };
    this.showPerson = keyed(person);
    return h(
      "header",
      { class: "head" },
      back,
      person,
      this.status,
      h("button", { ...about, onclick: toggleDetails }, icon("person")),
    );
  }

  #updateHead(state, { id, contact, status }) {
    const isOnline = state.online.has(contact.id);
    const make = () =>
      h(
        "div",
        { class: "who" },
        avatar(contact, isOnline),
        h("h2", {}, contact.name),
        h("span", { class: "status" }, status),
      );
    this.showPerson([{ key: id, deps: [contact, isOnline, status], make }]);
    write(this.status, status === "open" ? "Resolve" : "Reopen");
  }

  #dropped(event) {
    event.preventDefault();
    if (!this.foot.hidden) this.#composer.add(event.dataTransfer.files);
  }
}

/** The scrolling part: at the end it stays at the end; elsewhere what is being read stays where it is. */
class Log {
  #follows = true;
  #missed = 0;

  constructor({ earlier }) {
    this.earlier = h("button", { type: "button", class: "link earlier", onclick: earlier }, "Show earlier messages");
    this.messages = h("div", { class: "messages" });
    const attributes = { class: "log", role: "log", "aria-label": "Messages", tabindex: "0" };
    this.element = h("div", attributes, this.earlier, this.messages);
    this.jump = h("button", { type: "button", class: "jump", onclick: () => this.#toEnd() });
    this.show = keyed(this.messages);
    this.element.addEventListener("scroll", () => this.#scrolled());
    const observer = new ResizeObserver(() => this.#follows && this.#toEnd());
    for (const part of [this.element, this.messages]) observer.observe(part);
    this.#tellMissed();
  }

  update(state, isOther, draw) {
    const blocks = blocksOf(state, state.chosen).map(draw);
    if (isOther) this.#follows = true;
    const before = this.#measure();
    set(this.earlier, "hidden", state.begun.has(state.chosen) || !state.floors.has(state.chosen));
    this.show(blocks);
    const after = this.#measure();
    if (this.#follows) return this.#toEnd();
    if (after.first === before.first) this.#missed += Math.max(0, after.count - before.count);
    else this.element.scrollTop = before.top + after.height - before.height;
    this.#tellMissed();
  }

  #measure() {
    const { scrollHeight, scrollTop } = this.element;
    const rows = this.messages.querySelectorAll("[data-message-id]");
    return { height: scrollHeight, top: scrollTop, first: rows[0]?.dataset.messageId, count: rows.length };
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    this.#follows = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (this.#follows) this.#missed = 0;
    this.#tellMissed();
  }

  #toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    this.#missed = 0;
    this.#follows = true;
    this.#tellMissed();
  }

  #tellMissed() {
    set(this.jump, "hidden", this.#follows);
    const text = this.#missed ? `${this.#missed} new` : "Latest";
    this.jump.replaceChildren(icon("down"), text);
  }
}

function drawn(block, actions) {
  if (block.kind === "day") return { key: block.key, deps: [block.at], make: () => day(block.at) };
  if (block.kind === "draft") return { key: block.key, deps: [block.draft], make: () => draft(block.draft, actions) };
  const { key, message: row, opens, closes, told } = block;
  return { key, deps: [row, opens, closes, told], make: () => message(block, actions) };
}

function typingText(writer) {
  return writer ? `${writer.name} is typing` : "";
}

function emptyText(state) {
  if (!state.loaded) return "";
  if (state.chosen !== null) return `There is no conversation ${state.chosen}.`;
  return state.conversations.size ? "Choose a conversation." : "";
}
