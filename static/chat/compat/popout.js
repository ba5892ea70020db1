/**
 * The chat in a window of its own. The window is one of the page's, and the chat a frame in it: so it has the same
 * session, and no address holds a token.
 * @param {string} origin @param {string} inbox @param {Partial<import("../chatproxy.js").Settings>} worn how it looks and speaks
 */
export function popOut(origin, inbox, { locale = "", theme = "light", frame }) {
  const popup = open("", "chatproxy", "width=400,height=600");
  if (!popup) return;
  const element = popup.document.createElement("iframe");
  element.title = "Chat";
  const said = { origin: location.origin, locale, theme, ...frame, showPopoutButton: "0" };
  element.src = `${origin}/frame/${encodeURIComponent(inbox)}/?${new URLSearchParams(said)}`;
  Object.assign(element.style, { position: "fixed", inset: "0", width: "100%", height: "100%", border: "0" });
  popup.addEventListener("message", ({ origin: from, source, data }) => {
    if (from !== origin || source !== element.contentWindow || data?.chatproxy !== 1) return;
    if (data.type === "ready") element.contentWindow?.postMessage({ chatproxy: 1, type: "open", focus: true }, origin);
    if (data.type === "close") popup.close();
  });
  popup.document.body.replaceChildren(element);
  popup.focus();
}
