/**
 * One file above the field: what it is, how far it is, and a cross.
 * @import { UnsentFile } from "../../state.js"
 * @import { Upload } from "../../uploads.js"
 */
import { icon } from "../icons.js";
import { el, mark, write } from "../nodes.js";
import { inWords } from "../sizes.js";
import { words } from "../words.js";
import { drawing } from "./drawings.js";

const PICTURES = /^image\/(png|jpeg|webp|gif)$/;
const MOST_PREVIEWED = 20_000_000; // bytes; a browser decodes the whole picture for a thumbnail

export class Chip {
  #state = el("span", { class: "state" });
  #bar = el("progress", { max: "1", value: "0", hidden: true });
  #retry = el("button", { type: "button", class: "text-button", hidden: true }, words.retry);
  /** @type {string|null} */ #address = null;

  /** @param {string} name @param {{remove: () => void, retry: () => void, blob: Blob|null}} options */
  constructor(name, { remove, retry, blob }) {
    const cross = el("button", { type: "button", class: "cross", "aria-label": words.composer.remove(name) }, icon("close"));
    cross.addEventListener("click", remove);
    this.#retry.addEventListener("click", retry);
    this.#bar.ariaLabel = name;
    const about = el("span", { class: "about" }, el("span", { class: "name", dir: "auto" }, name), this.#state);
    this.element = el("li", { class: "chip" }, this.#picture(blob), about, this.#retry, cross, this.#bar);
  }

  /** @param {Upload|UnsentFile} file */
  show(file) {
    const phase = "phase" in file ? file.phase : "done";
    mark(this.element, "data-phase", phase);
    write(this.#state, stateOf(file));
    const share = "share" in file ? file.share : 1;
    this.#bar.hidden = phase !== "uploading";
    this.#bar.value = share;
    this.#retry.hidden = !(phase === "failed" && "again" in file && file.again);
  }

  leave() {
    this.element.remove();
    if (this.#address) URL.revokeObjectURL(this.#address);
  }

  /** @param {Blob|null} blob @returns {Element} */
  #picture(blob) {
    if (!blob || !PICTURES.test(blob.type) || blob.size > MOST_PREVIEWED) return el("span", { class: "kind" }, drawing("file"));
    this.#address = URL.createObjectURL(blob);
    const image = el("img", { class: "kind", src: this.#address, alt: "", width: "40", height: "40" });
    image.addEventListener("error", () => image.replaceWith(el("span", { class: "kind" }, drawing("file"))));
    return image;
  }
}

/** @param {Upload|UnsentFile} file @returns {string} */
function stateOf(file) {
  const phase = "phase" in file ? file.phase : "done";
  if (phase === "failed" && "fault" in file) return file.fault?.message || words.composer.failed;
  if (phase === "waiting") return words.composer.waiting;
  return inWords(file.size);
}
