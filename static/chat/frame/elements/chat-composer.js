/**
 * @import { UnsentFile } from "../../state.js"
 * @import { Limits } from "../../wire.js"
 * @import { Uploads } from "../../uploads.js"
 * @import { Attaching } from "../composer/attaching.js"
 * @import { Addresses } from "../lazy.js"
 *
 * What the parts that are loaded later need.
 * @typedef {Addresses & {limits: Limits, uploads: () => Promise<Uploads>}} Means
 */
import { icon } from "../icons.js";
import { part } from "../lazy.js";
import { el, write } from "../nodes.js";
import { inWords } from "../sizes.js";
import { style } from "../styles.js";
import { words } from "../words.js";

const COUNTER_FROM = 500; // characters left
const OVER_MS = 400; // `dragover` comes more often while something is held over the page

/** @param {string} name @param {string} label @param {Parameters<typeof icon>[0]} drawing */
const tool = (name, label, drawing) => el("button", { type: "button", class: `tool ${name}`, "aria-label": label, hidden: true }, icon(drawing));

/**
 * Where the visitor writes. Fires `chat-send` with the text and the files; unless that is prevented they leave the
 * composer. Fires `chat-wrote` with the text after every change of either.
 */
export class ChatComposer extends HTMLElement {
  limit = Infinity;
  /** @type {Means|null} */ #means = null;
  /** @type {Attaching|null} */ #attaching = null;
  #coming = 0;
  #isWanted = false;
  #canRecord = false;
  #width = 0;
  /** Lines break anew when the width changes; a frame that loads behind a closed launcher has none at first. */
  #observer = new ResizeObserver(() => {
    if (this.#width === this.clientWidth) return;
    this.#width = this.clientWidth;
    this.#fit();
  });
  #field = el("textarea", { rows: "1", "aria-label": words.message, placeholder: words.placeholder, dir: "auto", autocomplete: "off" });
  #picker = el("input", { type: "file", multiple: true, hidden: true, tabindex: "-1" });
  #attach = tool("attach", words.composer.attach, "attach");
  #emoji = tool("emoji", words.composer.emoji, "emoji");
  #record = tool("record", words.composer.record, "record");
  #send = el("button", { type: "submit", class: "send", "aria-label": words.send, disabled: true }, icon("send"));
  #box = el("div", { class: "field" }, this.#attach, this.#field, this.#emoji, this.#record, this.#send);
  #counter = el("p", { class: "counter", "aria-live": "polite" });
  #remark = el("p", { class: "remark", role: "status" });
  /** Where later parts stand: files, a form, a recording. */ tray = el("div", { class: "tray" });
  #form = el("form", { novalidate: true }, this.tray, this.#remark, this.#box, this.#picker, this.#counter);
  /** @type {ReturnType<typeof setTimeout>|undefined} */ #over;

  connectedCallback() {
    this.#observer.observe(this);
    if (this.firstChild) return;
    this.append(this.#form);
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    this.#field.addEventListener("paste", (event) => this.#pasted(event));
    this.#send.addEventListener("mousedown", (event) => event.preventDefault()); // Keeps the keyboard up on phones.
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#attach.addEventListener("click", () => this.pickFiles());
    // Not at once: the first number takes a browser some milliseconds to write.
    for (const event of ["pointerenter", "focus"]) this.#attach.addEventListener(event, () => (this.#attach.title = this.#limits()));
    this.#picker.addEventListener("change", () => this.#picked());
    this.#picker.addEventListener("cancel", () => this.remark(""));
    this.#emoji.addEventListener("click", () => void this.#pickEmoji());
    this.#record.addEventListener("click", () => void this.#recordVoice());
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }

  /** From now on files, emoji and recordings are possible as far as the inbox and the browser allow. @param {Means} means */
  equip(means) {
    this.#means = means;
    const { files, upload_types: types } = means.limits;
    this.limit = means.limits.text;
    this.#attach.hidden = !(files > 0 && types.length);
    this.#emoji.hidden = isTouch(); // A phone's keyboard has its own.
    this.#canRecord = files > 0 && types.some((type) => type.startsWith("audio/")) && recordingExists();
    this.#picker.accept = types.join();
    if (!this.#attach.hidden) this.#takeDrops();
    this.#measure();
  }

  get text() {
    return this.#field.value;
  }

  set text(text) {
    this.#field.value = text;
    this.#measure();
  }

  /** @returns {string} the text as it would be sent */
  get meant() {
    return clean(this.text).trim();
  }

  /** @returns {readonly UnsentFile[]} */
  get files() {
    return this.#attaching?.files ?? [];
  }

  focusField() {
    this.#field.focus({ preventScroll: true });
  }

  /** One calm sentence above the field; empty: none. @param {string} text */
  remark(text) {
    write(this.#remark, text);
  }

  #limits() {
    const { files = 0, upload_bytes: bytes = 0 } = this.#means?.limits ?? {};
    return words.composer.limits(files, inWords(bytes));
  }

  pickFiles() {
    this.remark(this.#limits());
    this.#picker.click();
  }

  /** @param {readonly File[]} files let go where they cannot be taken: the visitor is told, and what was sent with them stays */
  async addFiles(files) {
    this.#coming += 1;
    const attaching = await this.#attachable();
    if (attaching) attaching.add(files);
    else this.#isWanted = false;
    this.#coming -= 1;
    if (!this.#coming && this.#isWanted) this.submit();
  }

  /** In place of those that are there. @param {readonly UnsentFile[]} files that the server, or this page, has */
  async showFiles(files) {
    (await this.#attachable())?.replace(files);
  }

  /** What was written goes, unless somebody prevents that or nothing can. */
  submit() {
    this.#isWanted = this.#coming > 0; // What was picked goes with the text, however quickly that is sent.
    if (this.#isWanted) return;
    this.#measure();
    if (this.#send.disabled) return;
    const detail = { text: this.meant, files: this.files };
    if (!this.dispatchEvent(new CustomEvent("chat-send", { bubbles: true, cancelable: true, detail }))) return;
    this.remark("");
    this.text = "";
    this.#attaching?.clear();
  }

  /** @param {string} text at the caret, or in place of what is selected */
  insert(text) {
    this.#field.setRangeText(text, this.#field.selectionStart, this.#field.selectionEnd, "end");
    this.#changed();
  }

  /** @param {SubmitEvent|KeyboardEvent} event */
  #submit(event) {
    event.preventDefault();
    this.submit();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    // 229: the key belongs to an input method, also where isComposing is already false (Safari).
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    if (isTouch()) return; // On a phone Enter makes a line.
    this.#submit(event);
  }

  /** @param {ClipboardEvent} event */
  #pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    // A table copied from a spreadsheet comes as text and as a picture of it: the text is meant.
    if (this.#attach.hidden || !files.length || event.clipboardData?.types.includes("text/plain")) return;
    event.preventDefault();
    void this.addFiles(files);
  }

  #picked() {
    const files = [...(this.#picker.files ?? [])];
    this.#picker.value = ""; // So that the same file can be picked again.
    void this.addFiles(files);
    this.focusField();
  }

  #takeDrops() {
    const panel = this.closest("main") ?? this;
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      void style("composer", this.#means?.styles ?? {});
      panel.dataset.drop = words.composer.drop;
      clearTimeout(this.#over);
      this.#over = setTimeout(() => delete panel.dataset.drop, OVER_MS);
    });
    document.addEventListener("drop", (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      delete panel.dataset.drop;
      void this.addFiles([...event.dataTransfer.files]);
    });
  }

  /** @returns {Promise<Attaching|null>} null: it could not be loaded, which was said */
  async #attachable() {
    const means = this.#means;
    if (!means || this.#attaching) return this.#attaching;
    const attaching = part("composer", () => import("../composer/attaching.js"), means);
    const parts = await this.#load(Promise.all([attaching, means.uploads()]));
    if (!parts) return null;
    const [{ Attaching }, uploads] = parts;
    this.#attaching ??= new Attaching({ composer: this, limits: means.limits, uploads, changed: () => this.#changed() });
    return this.#attaching;
  }

  async #pickEmoji() {
    const picker = await this.#load(this.#part("emoji", () => import("../composer/emoji.js")));
    picker?.toggle({ composer: this, opener: this.#emoji });
  }

  async #recordVoice() {
    const loading = Promise.all([this.#part("recording", () => import("../composer/recording.js")), this.#attachable()]);
    const parts = await this.#load(loading);
    if (!parts?.[1]) return this.focusField(); // Nobody records what could then not be taken.
    const file = await parts[0].record({ composer: this, box: this.#box, mostBytes: this.#means?.limits.upload_bytes ?? 0 });
    this.focusField();
    if (!file) return;
    await this.addFiles([file]);
    this.submit();
  }

  /** @template T @param {string} name @param {() => Promise<T>} first */
  #part(name, first) {
    return part(name, first, /** @type {Means} */ (this.#means));
  }

  /** @template T @param {Promise<T>} part @returns {Promise<T|undefined>} */
  async #load(part) {
    return part.catch(() => void this.remark(words.composer.unloaded));
  }

  #changed() {
    this.#measure();
    this.dispatchEvent(new CustomEvent("chat-wrote", { bubbles: true, detail: this.text }));
  }

  #measure() {
    const left = this.limit - length(this.meant);
    const { length: count } = this.files;
    this.#send.disabled = left < 0 || (left === this.limit && !count) || (this.#attaching?.troubled ?? false);
    const idle = this.#canRecord && this.text === "" && !count;
    if (idle !== this.#send.hidden && document.activeElement === (idle ? this.#send : this.#record)) this.focusField();
    this.#send.hidden = idle;
    this.#record.hidden = !idle;
    write(this.#counter, left < 0 ? words.over(-left) : left <= COUNTER_FROM ? words.left(left) : "");
    this.#counter.classList.toggle("over", left < 0);
    this.#fit();
  }

  #fit() {
    this.#field.style.blockSize = "auto";
    this.#field.style.blockSize = `${this.#field.scrollHeight}px`;
  }
}

function isTouch() {
  return matchMedia("(hover: none) and (pointer: coarse)").matches;
}

/** A microphone may be used here, if the visitor allows it. */
function recordingExists() {
  const policy = /** @type {any} */ (document).featurePolicy;
  return "MediaRecorder" in globalThis && !!navigator.mediaDevices?.getUserMedia && policy?.allowsFeature("microphone") !== false;
}

/** What no message may hold: NUL, and halves of characters. @param {string} text */
function clean(text) {
  return text.replaceAll("\0", "").replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** Characters as the server counts them. @param {string} text */
function length(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

customElements.define("chat-composer", ChatComposer);
