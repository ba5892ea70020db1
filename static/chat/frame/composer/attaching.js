/**
 * The files of a message that is being written, as chips above the field.
 * @import { UnsentFile } from "../../state.js"
 * @import { Upload, Uploads } from "../../uploads.js"
 * @import { Limits } from "../../wire.js"
 * @import { ChatComposer } from "../elements/chat-composer.js"
 */
import { el } from "../nodes.js";
import { words } from "../words.js";
import { Chip } from "./chip.js";
import { refusal } from "./refusing.js";

export class Attaching {
  /** @type {Map<string, Chip>} by key, in the order they were added */ #chips = new Map();
  /** What a draft had on the server already. @type {Map<string, UnsentFile>} */ #restored = new Map();
  #list = el("ul", { class: "chips", "aria-label": words.composer.files, hidden: true });
  #shape = "";

  /** @param {{composer: ChatComposer, limits: Limits, uploads: Uploads, changed: () => void}} options */
  constructor({ composer, limits, uploads, changed }) {
    this.composer = composer;
    this.limits = limits;
    this.uploads = uploads;
    this.changed = changed;
    composer.tray.append(this.#list);
    uploads.on(() => this.#show());
  }

  /** @param {readonly File[]} files those that may not go along are named */
  add(files) {
    /** @type {string[]} */
    const refused = [];
    for (const file of files) {
      const reason = refusal(file, { limits: this.limits, held: this.files });
      if (reason) refused.push(reason);
      else this.#place(this.uploads.add(file, file.name), file.name);
    }
    this.composer.remark([...new Set(refused)].join(" "));
    this.#show();
  }

  /** @param {readonly UnsentFile[]} files */
  replace(files) {
    for (const chip of this.#chips.values()) chip.leave();
    this.#chips.clear();
    this.#restored.clear();
    for (const file of files) {
      this.#restored.set(file.key, file);
      this.#place(file.key, file.name);
    }
    this.#show();
  }

  /** @returns {UnsentFile[]} */
  get files() {
    return this.#held().map(({ key, id, name, size, type }) => ({ key, id, name, size, type }));
  }

  /** @returns {boolean} whether the visitor has to decide about one first */
  get troubled() {
    return [...this.#chips.keys()].some((key) => this.uploads.get(key)?.phase === "failed");
  }

  /** They belong to a message now. */
  clear() {
    for (const chip of this.#chips.values()) chip.leave();
    this.#chips.clear();
    this.#restored.clear();
    this.#show();
  }

  /** @returns {(Upload|UnsentFile)[]} */
  #held() {
    return [...this.#chips.keys()].flatMap((key) => this.uploads.get(key) ?? this.#restored.get(key) ?? []);
  }

  /** @param {string} key @param {string} name */
  #place(key, name) {
    const chip = new Chip(name, {
      remove: () => this.#remove(key),
      retry: () => this.uploads.retry(key),
      blob: this.uploads.get(key)?.blob ?? null,
    });
    this.#chips.set(key, chip);
    this.#list.append(chip.element);
    chip.element.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} key */
  #remove(key) {
    this.#chips.get(key)?.leave();
    this.#chips.delete(key);
    this.#restored.delete(key);
    this.uploads.remove(key);
    this.#show();
    this.composer.focusField();
  }

  #show() {
    for (const [key, chip] of this.#chips) {
      const file = this.uploads.get(key) ?? this.#restored.get(key);
      if (file) chip.show(file);
      else if (this.#chips.delete(key)) chip.leave(); // Whoever added it has left.
    }
    this.#list.hidden = this.#chips.size === 0;
    const shape = JSON.stringify(this.#held().map((file) => [file.key, file.id, "phase" in file && file.phase]));
    if (shape === this.#shape) return; // How far an upload is, is no change of what was written.
    this.#shape = shape;
    this.changed();
  }
}
