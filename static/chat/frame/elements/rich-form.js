/**
 * Fields to fill in, then a summary of what was filled in. A question for one line is a form of one field.
 * @import { Doing, Question, View } from "./rich.js"
 */
import { canonical } from "../../answering.js";
import { el } from "../nodes.js";
import { words } from "../words.js";
import { AnswerLine } from "./answer-line.js";
import { FormField } from "./form-field.js";

/** @type {Record<string, () => any[]>} */
const SINGLE = {
  input_email: () => [{ name: "", type: "email", label: words.rich.email, required: true }],
  input_text: () => [{ name: "", type: "text", label: words.rich.text, required: true }],
  input_textarea: () => [{ name: "", type: "text_area", label: words.rich.text, required: true }],
};

/** @param {Doing} doing @returns {View} */
export function form({ answer }) {
  const line = new AnswerLine(answer);
  const place = el("div");
  const element = el("div", { class: "card-part" }, place, line.element);
  let drawn = "";
  return { element, update };

  /** @param {Question} question */
  function update({ attributes, answer: given, type }) {
    line.show(given);
    const single = SINGLE[type];
    const fields = single ? single() : (attributes.items ?? []);
    const now = canonical([fields, given?.values]);
    if (now === drawn) return;
    const had = element.contains(document.activeElement);
    drawn = now;
    if (!given) return place.replaceChildren(empty(fields, single !== undefined));
    const told = summary(fields, given.values);
    place.replaceChildren(told);
    if (had) told.focus({ preventScroll: true });
  }

  /** @param {any[]} items @param {boolean} single */
  function empty(items, single) {
    const fields = items.map((item) => new FormField(item));
    const submit = el("button", { type: "submit", class: "primary" }, words.rich.submit);
    const sheet = el("form", { class: "rich-form", novalidate: true }, ...fields.map((field) => field.element), submit);
    sheet.addEventListener("submit", (event) => {
      event.preventDefault();
      const wrong = fields.filter((field) => !field.check());
      if (wrong[0]) return wrong[0].focus();
      const values = fields.map((field) => ({ name: field.name, value: field.value }));
      answer(single ? { value: fields[0]?.value ?? "" } : values);
    });
    return sheet;
  }
}

/** @param {any[]} fields @param {any} values */
function summary(fields, values) {
  const given = new Map([values].flat().map((one) => [one?.name ?? "", one?.value]));
  const rows = fields.flatMap(({ name, label, options }) => {
    const value = given.get(name);
    const told = options?.find((/** @type {any} */ option) => canonical(option.value) === canonical(value))?.label ?? value;
    const said = told === undefined || told === null || told === "" ? el("span", { class: "quiet" }, words.rich.empty) : String(told);
    return [el("dt", { dir: "auto" }, label || name), el("dd", { dir: "auto" }, said)];
  });
  return el("dl", { class: "summary", tabindex: "-1" }, ...rows);
}
