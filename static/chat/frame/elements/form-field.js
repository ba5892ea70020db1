/** One field of a form: label above, error below. */
import { EMAIL, el, mark, write } from "../nodes.js";
import { words } from "../words.js";

const MOST = 10_000; // characters, as the server has it
const MOST_PATTERN = 200;
const MOST_TRIED = 64; // An agent's pattern may take exponential time.
const MOST_VARYING = 4; // Six took seconds on 64 characters.
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
    return fits(this.field.pattern ?? "", value) ? "" : (error ?? words.rich.badPattern);
  }
}

/**
 * Whether an agent's pattern takes the value. What would take long to try stands as the visitor wrote it.
 * @param {string} pattern
 * @param {string} value
 */
export function fits(pattern, value) {
  if (!pattern || pattern.length > MOST_PATTERN || value.length > MOST_TRIED || mayHang(pattern)) return true;
  try {
    return new RegExp(`^(?:${pattern})$`, "u").test(value);
  } catch {
    return true; // No pattern of ours: what the visitor wrote stands.
  }
}

/**
 * Whether trying a pattern may take very long: a group that is repeated repeats something within, or has alternatives; or
 * there are many parts of varying length.
 * @param {string} pattern
 */
function mayHang(pattern) {
  const bare = pattern.replace(/\\./gsu, "x").replace(/\[[^\]]*\]/gu, "x").replace(/\(\?(?:<?[:=!]|<\w+>)/gu, "(");
  const within = [false];
  let varying = 0;
  for (const [token] of bare.matchAll(/(?:\)?(?:[*+]|\{\d+(?:,\d*)?\})|\)?\?)\??|[()|]/gu)) {
    const repeats = /[*+{]/.test(token);
    const varies = /[*+?,]/.test(token.replace(/([*+?}])\?$/u, "$1"));
    if (token === "(") within.push(false);
    else if (token === "|") within[within.length - 1] = true;
    else {
      const inner = token.startsWith(")") && within.length > 1 && within.pop();
      if (inner && repeats) return true;
      if (varies) varying += 1;
      if (inner || varies) within[within.length - 1] = true;
    }
  }
  return varying > MOST_VARYING;
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
