/**
 * How it was: five faces or stars with names, then one optional line, then thanks.
 * @import { Doing, Question, View } from "./rich.js"
 */
import { canonical } from "../../answering.js";
import { el, mark } from "../nodes.js";
import { words } from "../words.js";
import { AnswerLine } from "./answer-line.js";
import { face, star } from "./rating-signs.js";

const RATINGS = [1, 2, 3, 4, 5];

/** @param {Doing} doing @returns {View} */
export function csat({ answer }) {
  const line = new AnswerLine(answer);
  const named = el("p", { class: "rating-name", "aria-hidden": "true" });
  const scale = el("div", { class: "ratings", role: "group", "aria-label": words.rich.rate });
  const after = el("div");
  const element = el("div", { class: "card-part csat" }, scale, named, after, line.element);
  let commenting = false; // Somebody who has rated here may add a line; on other devices it is over.
  let drawn = "";
  let stars = false;
  return { element, update };

  /** @param {Question} question */
  function update({ attributes, answer: given }) {
    line.show(given);
    stars = attributes.display_type === "star";
    const response = given?.values?.csat_survey_response ?? null;
    const now = canonical([stars, response, commenting]);
    if (now === drawn) return;
    const had = element.contains(document.activeElement);
    drawn = now;
    const rating = Number(response?.rating ?? 0);
    element.classList.toggle("answered", rating > 0 && !commenting);
    drawScale(rating);
    named.textContent = rating ? nameOf(rating) : "";
    if (!rating) return after.replaceChildren();
    if (commenting) return after.firstChild ? undefined : after.replaceChildren(comment(rating));
    const thanks = el("p", { class: "thanks", tabindex: "-1", role: "status" }, words.rich.thanks);
    after.replaceChildren(...(response.feedback_message ? [el("p", { class: "feedback", dir: "auto" }, response.feedback_message)] : []), thanks);
    if (had) thanks.focus({ preventScroll: true });
  }

  /** @param {number} rating 0: none yet */
  function drawScale(rating) {
    if (!scale.firstChild) scale.append(...RATINGS.map(button));
    [...scale.children].forEach((child, index) => {
      const value = index + 1;
      mark(child, "aria-pressed", String(value === rating));
      child.classList.toggle("lit", stars ? value <= rating : value === rating);
      mark(child, "disabled", rating > 0 && !commenting);
      if (child.getAttribute("data-stars") === String(stars)) return;
      mark(child, "data-stars", String(stars));
      mark(child, "aria-label", nameOf(value));
      child.replaceChildren(stars ? star() : face(value));
    });
  }

  /** @param {number} value */
  function button(value) {
    const element = el("button", { type: "button", class: "rating" });
    element.addEventListener("click", () => {
      commenting = true;
      answer(response(value, ""));
    });
    for (const event of ["pointerenter", "focus"]) element.addEventListener(event, () => (named.textContent = nameOf(value)));
    for (const event of ["pointerleave", "blur"]) element.addEventListener(event, () => (named.textContent = lit() ? nameOf(lit()) : ""));
    return element;
  }

  /** @returns {number} the rating that is given now */
  function lit() {
    return [...scale.children].findIndex((child) => child.getAttribute("aria-pressed") === "true") + 1;
  }

  /** @param {number} value */
  function nameOf(value) {
    return stars ? words.rich.stars(value) : (words.rich.ratings[value - 1] ?? "");
  }

  /** @param {number} rating */
  function comment(rating) {
    const field = el("input", { type: "text", dir: "auto", maxlength: "1000", "aria-label": words.rich.comment, placeholder: words.rich.comment });
    const sheet = el("form", { class: "rich-form one-line", novalidate: true }, field, el("button", { type: "submit", class: "primary" }, words.rich.submit));
    sheet.addEventListener("submit", (event) => {
      event.preventDefault();
      commenting = false;
      answer(response(lit() || rating, field.value.trim()));
    });
    return sheet;
  }
}

/** @param {number} rating @param {string} feedback_message */
function response(rating, feedback_message) {
  return { csat_survey_response: { rating, feedback_message } };
}
