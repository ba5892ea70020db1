/** One field of a form: label above, error below. */
import { el, mark, write } from "../nodes.js";
import { words } from "../words.js";

const MOST = 10_000; // characters, as the server has it
const MOST_PATTERN = 200;
const MOST_TRIED = 500; // An agent's pattern may take exponential time.
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
let count = 0;

/**
 * @typedef {{name: string, type: "text"|"email"|"text_area"|"select", label?: string, placeholder?: string,
 *   required?: boolean, pattern?: string, error?: string, default?: string, options?: {label: string, value: unknown}[]}} Field
 */
export class FormField {
  #error = el("p", { class: "field-error", id: `field-error-${++count}`, role: "alert" });
  /** @type {HTMLInputElement|HTMLTextAreaElement|HTMLSelectElement} */ #input;
  #tried = false;

  /** @param {Field} field */
  constructor(field) {
    this.field = field;
    this.#input = control(field);
    this.#input.id = `field-${count}`;
    mark(this.#input, "aria-describedby", this.#error.id);
    mark(this.#input, "aria-required", field.required ? "true" : null);
    this.#input.addEventListener("input", () => this.#tried && this.check());
    const hint = field.required ? "" : el("span", { class: "quiet" }, ` ${words.rich.optional}`);
    const label = el("label", { for: this.#input.id, dir: "auto" }, field.label || field.placeholder || field.name, hint);
    this.element = el("div", { class: "form-field" }, label, this.#input, this.#error);
  }

  get name() {
    return this.field.name;
  }

  /** @returns {unknown} */
  get value() {
    const { options } = this.field;
    if (!options) return this.#input.value.trim();
    return this.#input.value === "" ? "" : (options[Number(this.#input.value)]?.value ?? "");
  }

  focus() {
    this.#input.focus();
  }

  /** Says what is wrong. @returns {boolean} nothing is */
  check() {
    this.#tried = true;
    const wrong = this.#wrong();
    write(this.#error, wrong);
    mark(this.#input, "aria-invalid", wrong ? "true" : null);
    return !wrong;
  }

  #wrong() {
    const { required, type, error } = this.field;
    const value = String(this.value);
    if (!value) return required ? words.rich.required : "";
    if (value.length > MOST) return words.rich.tooLong;
    if (type === "email" && !EMAIL.test(value)) return error ?? words.rich.badEmail;
    return this.#fits(value) ? "" : (error ?? words.rich.badPattern);
  }

  /** @param {string} value */
  #fits(value) {
    const { pattern = "" } = this.field;
    if (!pattern || pattern.length > MOST_PATTERN || value.length > MOST_TRIED) return true;
    try {
      return new RegExp(`^(?:${pattern})$`, "u").test(value);
    } catch {
      return true; // No pattern of ours: what the visitor wrote stands.
    }
  }
}

/** @param {Field} field */
function control({ type, placeholder = "", default: preset = "", options = [] }) {
  if (type === "select") {
    const select = el("select", {}, el("option", { value: "" }, placeholder || words.rich.pick));
    options.forEach(({ label, value }, index) => select.append(el("option", { value: String(index), selected: preset !== "" && String(value) === preset }, label)));
    return select;
  }
  if (type === "text_area") {
    const area = el("textarea", { rows: "3", dir: "auto", placeholder });
    area.value = preset;
    return area;
  }
  const email = type === "email";
  const input = el("input", { type: email ? "email" : "text", dir: "auto", placeholder, autocomplete: email ? "email" : null });
  input.value = preset;
  return input;
}
