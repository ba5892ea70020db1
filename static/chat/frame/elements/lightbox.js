/**
 * One picture, as large as the frame: a dialog with the keyboard's Escape and arrows; the focus goes back where it was.
 * What leaves the thread, because it was deleted or whoever saw it has left, leaves this, too.
 * @import { Tickets } from "../../tickets.js"
 */
import { icon } from "../icons.js";
import { el, write } from "../nodes.js";
import { words } from "../words.js";

/** @param {HTMLElement} opener the picture in the thread @param {Tickets} tickets */
export function show(opener, tickets) {
  if (!opener.isConnected) return; // It went while this was loaded.
  let pictures = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("button.picture"))];
  let at = pictures.indexOf(opener);
  const image = el("img", { class: "large", alt: "" });
  const name = el("p", { class: "lightbox-name", dir: "auto" });
  const save = el("a", { class: "lightbox-button", rel: "noopener", download: true }, icon("save"));
  const close = button("close", words.media.close, () => dialog.close());
  const before = button("before", words.media.before, () => step(-1));
  const next = button("next", words.media.next, () => step(1));
  const dialog = el("dialog", { class: "lightbox", "aria-label": "" }, el("div", { class: "lightbox-bar" }, name, save, close), image, before, next);
  const step = (/** @type {number} */ by) => {
    at = Math.min(Math.max(at + by, 0), pictures.length - 1);
    draw();
  };
  /** Its address may come after the next arrow. @param {string} file */
  const isShown = (file) => pictures[at]?.dataset.file === file;
  const thinned = new MutationObserver(() => {
    const shown = pictures[at];
    pictures = pictures.filter(({ isConnected }) => isConnected);
    at = shown?.isConnected ? pictures.indexOf(shown) : -1;
    if (at < 0) dialog.close();
    else bound();
  });
  const bound = () => {
    before.hidden = at === 0;
    next.hidden = at === pictures.length - 1;
  };
  const draw = () => {
    const { name: title = "", file = "" } = pictures[at]?.dataset ?? {};
    write(name, title);
    image.alt = title;
    dialog.ariaLabel = words.media.picture(title);
    save.ariaLabel = words.media.download(title);
    save.download = title;
    bound();
    if (document.activeElement === document.body || document.activeElement === dialog) close.focus();
    tickets.url(file).then(
      (url) => isShown(file) && (image.src = save.href = url),
      () => isShown(file) && write(name, words.media.lost),
    );
  };
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // Escape closes the picture, not the chat.
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) step(document.dir === "rtl" ? -by : by);
  });
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    thinned.disconnect();
    dialog.remove();
    (pictures[at] ?? opener).focus();
  });
  document.body.append(dialog);
  thinned.observe(/** @type {HTMLElement} */ (document.querySelector("main")), { childList: true, subtree: true });
  draw();
  dialog.showModal();
  close.focus();
}

/** @param {"close"|"before"|"next"} name @param {string} label @param {() => void} act */
function button(name, label, act) {
  const element = el("button", { type: "button", class: `lightbox-button ${name}`, "aria-label": label }, icon(name));
  element.addEventListener("click", act);
  return element;
}
