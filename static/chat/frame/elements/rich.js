/**
 * What agents and their bots ask or show beside words: choices, forms, cards, articles, surveys.
 *
 * @import { AnswerView, MessageItem } from "../grouping.js"
 * @import { Context } from "../parts.js"
 * @import { Attributes, Message } from "../../wire.js"
 *
 * @typedef {{attributes: Attributes, answer: AnswerView|null, type: string}} Question
 * @typedef {{answer: (values: unknown) => void, say: (text: string) => void}} Doing
 * @typedef {{element: HTMLElement, update: (question: Question) => void}} View
 */
import "../later.js";
import { articles } from "./rich-articles.js";
import { cards } from "./rich-cards.js";
import { choices } from "./rich-choices.js";
import { csat } from "./rich-csat.js";
import { form } from "./rich-form.js";

/** Of each kind that `QUESTIONS` of kinds.js names. @type {Record<string, (doing: Doing) => View>} */
export const VIEWS = { input_select: choices, form, input_email: form, input_text: form, input_textarea: form, cards, article: articles, input_csat: csat };

export class Part {
  /** @type {View|null} */ #view = null;
  #type = "";

  /** @param {HTMLElement} holder @param {Context} context */
  constructor(holder, { client }) {
    this.holder = holder;
    this.client = client;
  }

  /** @param {MessageItem} item */
  update({ row, contentType, answer }) {
    const make = VIEWS[contentType];
    if (!make || !("attributes" in row)) return;
    const { id } = /** @type {Message} */ (row);
    if (!this.#view || this.#type !== contentType) {
      this.#view = make({ answer: (values) => this.client.answer(id, values), say: (text) => void this.client.send(text) });
      this.#type = contentType;
      this.holder.replaceChildren(this.#view.element);
    }
    this.#view.update({ attributes: row.attributes, answer, type: contentType });
  }
}
