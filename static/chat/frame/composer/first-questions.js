/**
 * What the inbox wants to know before the first message, as a small form above the field. What was written stays where it
 * is; the answers go to the contact before the message goes anywhere.
 *
 * @import { ChatClient } from "../../client.js"
 * @import { Ask, AskField } from "../../wire.js"
 * @import { ChatComposer } from "../elements/chat-composer.js"
 */
import { Closed, SessionGone } from "../../troubles.js";
import "../later.js";
import { el, mark, write } from "../nodes.js";
import { words } from "../words.js";
import { bodyOf, missingOf, trouble } from "./answers.js";

const TYPES = { name: "text", email: "email", phone: "tel", attribute: "text" };
const COMPLETION = { name: "name", email: "email", phone: "tel", attribute: "off" };

export class FirstQuestions {
  /** @type {Promise<boolean>|null} */ #asking = null;
  /** Somebody else sits here: what was asked and answered is not theirs. */ drop = () => {};

  /** @param {{client: ChatClient, ask: Ask, composer: ChatComposer}} options */
  constructor({ client, ask, composer }) {
    this.client = client;
    this.ask = ask;
    this.composer = composer;
  }

  /** @returns {Promise<boolean>} whether the contact has what the inbox wants; false: not now. Rejects without a network */
  async answered() {
    this.#asking ??= this.#answered().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #answered() {
    const known = await this.#contact();
    const missing = missingOf(this.ask, known);
    if (!missing) return true;
    this.composer.remark("");
    return new Promise((resolve) => this.#show(missing, resolve));
  }

  /** @returns {Promise<import("./answers.js").Known|null>} null: nobody knows this visitor yet */
  async #contact() {
    if (!this.client.session.begun) return null;
    try {
      return await this.client.session.get("/contact");
    } catch (error) {
      if (error instanceof SessionGone) return null;
      throw error;
    }
  }

  /** @param {Ask} ask @param {(done: boolean) => void} done */
  #show({ fields, consent }, done) {
    const rows = fields.map((field, index) => new Row(field, `ask-${index}`));
    const agreed = consent ? new Agreement(consent) : null;
    const error = el("p", { class: "error", role: "alert" });
    const send = el("button", { type: "button", class: "primary" }, words.questions.send);
    const later = el("button", { type: "button", class: "text-button" }, words.questions.later);
    const parts = [...rows.map(({ element }) => element), agreed?.element, error, el("div", { class: "buttons" }, send, later)];
    const card = el("section", { class: "questions", "aria-label": words.questions.title }, el("h2", {}, words.questions.title), ...parts);
    this.drop = () => {
      card.remove();
      done(false);
    };
    const end = (/** @type {boolean} */ result) => {
      card.remove();
      this.composer.focusField();
      done(result);
    };
    const submit = async () => {
      const wrong = [...rows, ...(agreed ? [agreed] : [])].filter((row) => !row.check());
      if (wrong[0]) return wrong[0].input.focus();
      send.disabled = true;
      write(error, "");
      const reason = await this.#tell(bodyOf(rows, consent));
      send.disabled = false;
      if (reason === "") end(true);
      else write(error, reason);
    };
    send.addEventListener("click", () => void submit());
    later.addEventListener("click", () => end(false));
    card.addEventListener("keydown", (event) => {
      if (event.key === "Escape") (event.stopPropagation(), end(false));
      if (event.key !== "Enter" || event.isComposing || event.keyCode === 229 || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault(); // Enter would send the message past its questions.
      void submit();
    });
    this.composer.tray.append(card);
    card.scrollIntoView({ block: "nearest" });
    card.querySelector("input")?.focus();
  }

  /** @param {object} body @returns {Promise<string>} why it could not be kept; empty when it was */
  async #tell(body) {
    const { session } = this.client;
    try {
      const headers = { Authorization: `Bearer ${await session.begin()}`, "Content-Type": "application/json" };
      const init = { method: "PATCH", headers, body: JSON.stringify(body), credentials: /** @type {const} */ ("same-origin") };
      const answer = await session.fetch.call(globalThis, `${session.api}/contact`, init);
      if (answer.ok) return "";
      if (answer.status === 401) session.expire();
      if (answer.status >= 500 || answer.status === 401) return words.questions.unreachable;
      return (await answer.json()).error.message;
    } catch (error) {
      return error instanceof Closed ? words.notice.stopped : words.questions.unreachable;
    }
  }
}

/** A label, a line, and what is wrong with it below. */
class Row {
  #error;

  /** @param {AskField} field @param {string} id */
  constructor(field, id) {
    this.field = field;
    const { kind, required } = field;
    const label = field.label || (kind === "attribute" ? field.name : words.questions[kind]);
    const optional = required ? null : el("span", { class: "optional" }, ` (${words.questions.optional})`);
    this.input = el("input", { id, type: TYPES[kind], autocomplete: COMPLETION[kind], required, "aria-describedby": `${id}-error`, dir: "auto" });
    this.#error = el("p", { class: "error", id: `${id}-error` });
    this.element = el("div", { class: "row" }, el("label", { for: id }, label, optional), this.input, this.#error);
    this.input.addEventListener("input", () => this.#error.textContent && this.check());
  }

  get value() {
    return this.input.value.trim();
  }

  /** @returns {boolean} whether it can be kept; if not, it says why */
  check() {
    const reason = trouble(this.field, this.value);
    mark(this.input, "aria-invalid", reason ? "true" : null);
    write(this.#error, reason);
    return !reason;
  }
}

class Agreement {
  #error = el("p", { class: "error", id: "agree-error" });

  /** @param {NonNullable<Ask["consent"]>} consent */
  constructor({ text, link, link_text }) {
    this.input = el("input", { type: "checkbox", id: "agree", required: true, "aria-describedby": "agree-error" });
    const more = link && el("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, link_text || words.questions.privacy);
    const label = el("label", { for: "agree", class: "agreement" }, this.input, el("span", {}, text, more && " ", more));
    this.element = el("div", { class: "row" }, label, this.#error);
    this.input.addEventListener("change", () => this.check());
  }

  check() {
    mark(this.input, "aria-invalid", this.input.checked ? null : "true");
    write(this.#error, this.input.checked ? "" : words.questions.agree);
    return this.input.checked;
  }
}
