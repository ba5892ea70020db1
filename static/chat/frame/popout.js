/**
 * A button in the header for the chat in a window of its own, where the page around us wants one: the page opens it.
 * @import { ChatHeader } from "./elements/chat-header.js"
 * @import { Host } from "./host.js"
 */
import { shape } from "./icons.js";
import "./later.js";
import { el } from "./nodes.js";
import { words } from "./words.js";

const WINDOW = "M8 4.5H5.5A1.5 1.5 0 0 0 4 6v8.5A1.5 1.5 0 0 0 5.5 16H14a1.5 1.5 0 0 0 1.5-1.5V12M11.5 4h4.5v4.5M16 4l-6.5 6.5";

/** @param {ChatHeader} header @param {Host} host */
export function popout(header, host) {
  const button = el("button", { type: "button", class: "quiet-button", "aria-label": words.page.window }, shape(WINDOW));
  button.addEventListener("click", () => host.happened("popout"));
  header.lastElementChild?.before(button);
}
