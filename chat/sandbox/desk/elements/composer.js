/** Where the agent writes. Text, files and the private switch are kept per conversation. */
import { SAMPLES } from "../samples.js";
import { h, keyed, set } from "./h.js";
import { icon } from "./icon.js";
import { Menu } from "./menu.js";
import { sizeOf } from "./words.js";

const BLANK = { text: "", isPrivate: false, files: [] };

export class Composer {
  #actions;
  #kept = new Map();
  #chosen = null;

  constructor(actions) {
    this.#actions = actions;
    const oninput = () => this.#typed();
    const onkeydown = (event) => this.#key(event);
    const text = { rows: "1", "aria-label": "Reply", "aria-describedby": "desk-hint", "aria-keyshortcuts": "Alt+L" };
    this.text = h("textarea", {
      ...text,
      oninput,
      onkeydown,
      onpaste: (event) => this.#add(event.clipboardData.files),
    });
    this.chips = h("ul", { class: "chips", "aria-label": "Files" });
    this.element = h("form", { class: "composer" }, this.chips, this.text, this.#tools());
    this.showChips = keyed(this.chips);
    this.element.addEventListener("submit", (event) => this.#submit(event));
  }

  update(state) {
    if (this.#chosen === state.chosen) return;
    this.#chosen = state.chosen;
    this.#draw();
  }

  makePrivate(isPrivate) {
    this.#actions.typingStopped();
    this.#keep({ isPrivate });
    this.text.focus();
  }

  /** What is typed next is for the visitor. */
  focus() {
    this.text.focus();
  }

  /** Files that were dropped on the thread. */
  add(files) {
    this.#add(files);
    this.text.focus();
  }

  get #current() {
    return this.#kept.get(this.#chosen) ?? BLANK;
  }

  #keep(changes) {
    this.#kept.set(this.#chosen, { ...this.#current, ...changes });
    this.#draw();
  }

  #tools() {
    const samples = SAMPLES.map(({ name, hint, fields }) => ({
      name,
      hint,
      choose: () => this.#actions.send(fields()),
    }));
    const note = { type: "button", role: "switch", class: "switch", "aria-keyshortcuts": "Alt+P", title: "Alt + P" };
    this.note = h("button", { ...note, onclick: () => this.makePrivate(!this.#current.isPrivate) }, "Private note");
    this.hint = h("p", { class: "keys", id: "desk-hint" });
    const send = h("button", { type: "submit", class: "send" }, "Send");
    return h(
      "div",
      { class: "tools" },
      this.#picker(),
      new Menu("Insert", "insert", samples).element,
      this.note,
      this.hint,
      send,
    );
  }

  #picker() {
    const input = h("input", { type: "file", multiple: true, hidden: true });
    input.addEventListener("change", () => {
      this.add(input.files);
      input.value = "";
    });
    const label = { type: "button", class: "icon", "aria-label": "Attach a file", title: "Attach a file" };
    return [h("button", { ...label, onclick: () => input.click() }, icon("attach")), input];
  }

  #typed() {
    this.#keep({ text: this.text.value });
    if (this.text.value) this.#actions.typing(this.#current.isPrivate);
    else this.#actions.typingStopped();
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.element.requestSubmit();
  }

  #submit(event) {
    event.preventDefault();
    this.text.focus();
    const { text, isPrivate, files } = this.#current;
    const content = text.trim();
    if (!content && files.length === 0) return;
    this.#keep({ text: "", files: [] });
    this.#actions.typingStopped();
    this.#actions.send({ content, private: isPrivate, files });
  }

  #add(files) {
    if (files.length) this.#keep({ files: [...this.#current.files, ...files] });
  }

  #drop(file) {
    this.#keep({ files: this.#current.files.filter((other) => other !== file) });
    this.text.focus();
  }

  #draw() {
    const { text, isPrivate, files } = this.#current;
    if (this.text.value !== text) this.text.value = text;
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
    set(this.text, "placeholder", isPrivate ? "Write a note for your colleagues" : "Write to the visitor");
    set(this.note, "aria-checked", String(isPrivate));
    set(this.element, "data-private", isPrivate);
    this.hint.textContent = isPrivate ? "Only agents see this" : "Enter sends, Shift + Enter starts a line";
    this.showChips(files.map((file, index) => ({ key: index, deps: [file], make: () => this.#chip(file) })));
  }

  #chip(file) {
    const label = { type: "button", class: "icon", "aria-label": `Remove ${file.name}` };
    const drop = h("button", { ...label, onclick: () => this.#drop(file) }, icon("remove"));
    return h("li", {}, icon("file"), file.name, h("span", { class: "quiet" }, sizeOf(file.size)), drop);
  }
}
