/** One message, one draft, one day: the children of the thread. */
import { h, link, safeUrl } from "./h.js";
import { icon } from "./icon.js";
import { rich } from "./rich.js";
import { dayOf, momentOf, sizeOf, timeOf } from "./words.js";

export function day(at) {
  return h("p", { class: "day" }, dayOf(at));
}

export function message({ message: row, opens, closes, told }, actions) {
  if (row.message_type === "activity") return activity(row);
  const side = row.message_type === "incoming" ? "incoming" : "outgoing";
  const kind = row.isPrivate ? "note" : side;
  const hasFooter = closes || told;
  return h(
    "article",
    { class: `message ${kind}`, "data-message-id": row.id, "data-opens": opens, "data-closes": closes },
    row.isPrivate && opens && h("p", { class: "meta" }, icon("lock"), "Only agents see this"),
    h(
      "div",
      { class: "body" },
      row.deleted ? removed() : content(row),
      canDelete(row) && deleteButton(row, actions),
      !hasFooter && h("time", { class: "on-demand" }, timeOf(row.created_at)),
    ),
    hasFooter && h("p", { class: "meta" }, footer(row, told)),
  );
}

export function draft(row, actions) {
  const { fields, reason } = row;
  const kind = fields.private ? "note" : "outgoing";
  const files = (fields.files ?? []).map((file) => h("p", { class: "file" }, icon("file"), file.name));
  const again = h("button", { type: "button", class: "link", onclick: () => actions.retry(row) }, "Try again");
  const drop = h("button", { type: "button", class: "link", onclick: () => actions.discard(row) }, "Discard");
  return h(
    "article",
    { class: `message ${kind} draft`, "data-closes": true, "data-opens": true },
    h("div", { class: "body" }, h("div", { class: "bubble" }, fields.content && h("p", {}, fields.content), files)),
    reason === null
      ? h("p", { class: "meta" }, "Sending")
      : h("p", { class: "meta failed" }, `Not sent: ${reason}`, again, drop),
  );
}

function activity(row) {
  return h("p", { class: "activity", "data-message-id": row.id, title: momentOf(row.created_at) }, row.content);
}

function removed() {
  return h("p", { class: "removed" }, "Message removed");
}

function content(row) {
  const parts = [row.content && h("p", { class: "text" }, row.content), ...row.attachments.map(attachment), rich(row)];
  return h("div", { class: "bubble" }, parts);
}

function attachment({ kind, name, url, thumb, size }) {
  const href = safeUrl(url);
  if (!href) return h("p", { class: "file" }, icon("file"), name);
  if (kind === "image") {
    const source = safeUrl(thumb) ?? href;
    return link("picture", href, h("img", { src: source, alt: name, loading: "lazy" }));
  }
  if (kind === "audio" || kind === "video")
    return h(kind, { src: href, controls: true, preload: "metadata", title: name });
  return link("file", href, icon("file"), h("span", {}, name), h("span", { class: "size" }, sizeOf(size)));
}

function canDelete(row) {
  return row.message_type === "outgoing" && !row.deleted;
}

function deleteButton(row, actions) {
  const attributes = { type: "button", class: "delete", "aria-label": "Delete message", title: "Delete message" };
  return h("button", { ...attributes, onclick: () => actions.remove(row) }, icon("remove"));
}

const STATES = { sent: "Sent", delivered: "Delivered", read: "Seen" };

function footer(row, told) {
  const who = row.message_type === "incoming" ? null : (row.sender?.name ?? "Automatic");
  const failed = row.status === "failed" && h("span", { class: "failed" }, failure(row));
  const state = told && !row.isPrivate && row.message_type === "outgoing" ? failed || STATES[row.status] : failed;
  return [who, timeOf(row.created_at), state]
    .filter(Boolean)
    .flatMap((part, index) => (index ? [" · ", part] : [part]));
}

function failure({ content_attributes }) {
  const reason = content_attributes.external_error;
  return reason ? `Not delivered: ${reason}` : "Not delivered";
}
