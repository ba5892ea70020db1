/**
 * A conversation by e-mail: to the address that is known to be the visitor's, or to one that they write.
 * @import { ChatClient } from "../../client.js"
 */
import { Refused, Unavailable } from "../../troubles.js";
import { EMAIL, el, mark, write } from "../nodes.js";
import { words } from "../words.js";

export class Mailing {
  #status = el("p", { class: "remark", role: "status" });
  #form = el("form", { class: "mail", novalidate: true, hidden: true });
  #field = el("input", { type: "email", id: "mail-address", autocomplete: "email", dir: "ltr", "aria-describedby": "mail-error" });
  #error = el("p", { class: "field-error", id: "mail-error", role: "alert" });
  #submit = el("button", { type: "submit", class: "begin" }, words.rich.submit);
  #id = "";
  /** @type {HTMLElement|null} */ #opener = null;
  element = el("div", { class: "mailing" }, this.#form, this.#status);

  /** @param {{client: ChatClient, allowed: "own"|"any"}} options @returns {Promise<Mailing|null>} null: there is no address it may go to */
  static async of({ client, allowed }) {
    const { email, signed_email: own } = await client.session.get("/contact");
    return allowed === "any" || own ? new Mailing(client, { writes: allowed === "any", address: own ?? email ?? "" }) : null;
  }

  /** @param {ChatClient} client @param {{writes: boolean, address: string}} options `writes`: the visitor says to whom it goes */
  constructor(client, { writes, address }) {
    this.client = client;
    this.writes = writes;
    this.#field.value = address;
    const later = el("button", { type: "button", class: "text-button" }, words.questions.later);
    later.addEventListener("click", () => this.clear());
    this.#form.append(el("label", { for: "mail-address" }, words.rich.email), this.#field, this.#error, el("div", {}, this.#submit, later));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#check() && void this.#send(this.#field.value.trim());
    });
  }

  /** What asks for one. @param {string} id of a conversation */
  button(id) {
    const button = el("button", { type: "button", class: "text-button" }, words.talks.mail);
    button.addEventListener("click", () => this.#ask(id, button));
    return button;
  }

  /** Nobody asks any more. */
  clear() {
    const held = this.#form.contains(document.activeElement);
    this.#form.hidden = true;
    write(this.#status, "");
    if (held) this.#opener?.focus();
  }

  /** @param {string} id @param {HTMLElement} opener */
  #ask(id, opener) {
    this.clear();
    this.#id = id;
    this.#opener = opener;
    if (!this.writes) return void this.#send();
    this.#form.hidden = false;
    this.#field.focus();
  }

  #check() {
    const value = this.#field.value.trim();
    const wrong = value ? (EMAIL.test(value) ? "" : words.questions.emailWrong) : words.questions.missing;
    write(this.#error, wrong);
    mark(this.#field, "aria-invalid", wrong ? "true" : null);
    if (wrong) this.#field.focus();
    return !wrong;
  }

  /** @param {string} [email] else to the one that is known */
  async #send(email) {
    if (this.#submit.disabled) return;
    this.#submit.disabled = true;
    write(this.#status, "");
    try {
      const to = await this.client.transcript(this.#id, email);
      this.clear();
      write(this.#status, words.talks.mailed(to));
    } catch (error) {
      write(this.#status, why(error));
    }
    this.#submit.disabled = false;
  }
}

/** @param {unknown} error */
function why(error) {
  const { reasons } = words;
  if (error instanceof Refused) return error.code in reasons ? reasons[/** @type {keyof typeof reasons} */ (error.code)] : error.message;
  return error instanceof Unavailable && error.afterMs ? reasons.too_fast : reasons.unavailable;
}
