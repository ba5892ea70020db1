/** The rich content types and what the contact answered: contract §2.6. */
import { h, link, safeUrl } from "./h.js";

const FACES = ["😞", "😕", "😐", "🙂", "😀"];
const WORDS = ["Very bad", "Bad", "Fair", "Good", "Very good"];

/** The part below the text; null for plain messages. */
export function rich(row) {
  const show = KINDS[row.content_type];
  return show ? show(row.content_attributes) : null;
}

const KINDS = { input_select: choices, cards, form, article, input_csat: rating, input_email: email };

const itemsOf = ({ items }) => (Array.isArray(items) ? items : []);
const answersOf = ({ submitted_values }) => (Array.isArray(submitted_values) ? submitted_values : []);
const waiting = (text) => h("p", { class: "waiting" }, text);

function choices(attributes) {
  const chosen = new Set(answersOf(attributes).map(({ value }) => value));
  const option = ({ title, value }) =>
    h("li", { "data-chosen": chosen.has(value) }, title, chosen.has(value) && h("span", { class: "quiet" }, " chosen"));
  return h("ul", { class: "choices", "data-answered": chosen.size > 0 }, itemsOf(attributes).map(option));
}

function cards(attributes) {
  return h(
    "div",
    { class: "cards", tabindex: "0", role: "group", "aria-label": "Cards" },
    itemsOf(attributes).map(card),
  );
}

function card({ media_url, title, description, actions }) {
  const source = media_url && safeUrl(media_url);
  return h(
    "section",
    { class: "card" },
    source && h("img", { src: source, alt: "", loading: "lazy" }),
    h("strong", {}, title ?? ""),
    h("p", { class: "quiet" }, description ?? ""),
    (actions ?? []).map(action),
  );
}

function action({ type, text, uri }) {
  const href = type === "link" && safeUrl(uri ?? "");
  return href ? link("action", href, text) : h("span", { class: "action" }, text ?? "");
}

function form(attributes) {
  const answers = new Map(answersOf(attributes).map(({ name, value }) => [name, value]));
  const field = ({ name, label, options }) => {
    const value = answers.get(name);
    const told = options?.find((option) => option.value === value)?.label ?? value;
    return [h("dt", {}, label ?? name), h("dd", {}, told || (answers.size ? "Left empty" : "—"))];
  };
  const fields = h("dl", { class: "form", "data-answered": answers.size > 0 }, itemsOf(attributes).flatMap(field));
  return h("div", {}, fields, answers.size === 0 && waiting("Not filled in yet"));
}

function article(attributes) {
  return h("div", { class: "articles" }, itemsOf(attributes).map(summary));
}

function summary({ title, description, link: address }) {
  const href = safeUrl(address ?? "");
  const name = h("strong", {}, title ?? "");
  return h(
    "section",
    { class: "article" },
    href ? link("", href, name) : name,
    h("p", { class: "quiet" }, description ?? ""),
  );
}

function rating({ submitted_values, display_type }) {
  const answer = submitted_values?.csat_survey_response;
  if (!answer) return waiting("Not rated yet");
  const stars = "★".repeat(answer.rating) + "☆".repeat(Math.max(0, 5 - answer.rating));
  const sign = display_type === "star" ? stars : FACES[answer.rating - 1];
  return h(
    "div",
    { class: "rating" },
    h(
      "p",
      {},
      h("span", { class: "sign", "aria-hidden": "true" }, sign),
      ` ${WORDS[answer.rating - 1]}, ${answer.rating} of 5`,
    ),
    answer.feedback_message && h("p", { class: "quiet" }, answer.feedback_message),
  );
}

function email({ submitted_email, submitted_values }) {
  const address = submitted_email ?? submitted_values?.value;
  return address ? h("p", {}, h("strong", {}, address)) : waiting("Not answered yet");
}
