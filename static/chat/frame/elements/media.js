/**
 * Files of a message: pictures, sound, film, and whatever can only be saved.
 *
 * @import { MessageItem } from "../grouping.js"
 * @import { Context } from "../parts.js"
 * @import { Attachment } from "../../wire.js"
 */
import { NoSuchFile, Tickets } from "../../tickets.js";
import { icon } from "../icons.js";
import "../later.js";
import { el } from "../nodes.js";
import { words } from "../words.js";
import { kindOf, sizeOf } from "./file-names.js";
import { player } from "./player.js";

const RETRY_MS = [1_500, 4_000, 10_000, 20_000]; // Chatwoot stores a file some time after its message.
const WIDTH_PX = 240;
const MOST_HEIGHT_PX = 300;
const USUAL_RATIO = 4 / 3;

/** @type {WeakMap<object, Tickets>} */
const shared = new WeakMap();
/** Of pictures whose size the server does not know, once they were seen. @type {Map<string, number>} */
const ratios = new Map();

/** @param {Context} context @returns {Tickets} one for all files of a client */
export function ticketsOf({ client }) {
  const tickets = shared.get(client) ?? new Tickets({ session: client.session, clock: client.clock });
  shared.set(client, tickets);
  return tickets;
}

export class Part {
  /** @type {Map<string, HTMLElement>} */ #shown = new Map();

  /** @param {HTMLElement} holder @param {Context} context */
  constructor(holder, context) {
    this.holder = holder;
    this.tickets = ticketsOf(context);
  }

  /** @param {MessageItem} item */
  update({ row }) {
    const files = "attachments" in row ? row.attachments : [];
    const elements = files.map((file) => this.#shown.get(file.id) ?? this.#make(file));
    this.#shown = new Map(files.map(({ id }, index) => [id, /** @type {HTMLElement} */ (elements[index])]));
    if (elements.some((element, index) => this.holder.children[index] !== element)) this.holder.replaceChildren(...elements);
  }

  /** @param {Attachment} file @returns {HTMLElement} */
  #make(file) {
    const load = loader(file.id, this.tickets);
    switch (kindOf(file)) {
      case "picture":
        return picture(file, load, this.tickets);
      case "audio":
        return player(file, load, () => fileCard(file, this.tickets));
      case "video":
        return video(file, load, this.tickets);
      default:
        return fileCard(file, this.tickets);
    }
  }
}

/**
 * Gives addresses to an element until one of them serves, with pauses in between; then says that none does.
 * @param {string} id @param {Tickets} tickets
 * @typedef {(element: HTMLImageElement|HTMLMediaElement, lost: () => void) => void} Load
 * @returns {Load}
 */
function loader(id, tickets) {
  return (element, lost) => {
    let tries = 0;
    const again = () => {
      const pause = RETRY_MS[tries];
      tries += 1;
      if (pause === undefined) lost();
      else setTimeout(() => element.isConnected && void give(tickets.renewed(id)), pause);
    };
    const give = async (/** @type {Promise<string>} */ address) => {
      try {
        element.src = await address;
      } catch (error) {
        if (error instanceof NoSuchFile) lost();
        else again();
      }
    };
    element.addEventListener("error", again);
    element.addEventListener(element instanceof HTMLImageElement ? "load" : "loadedmetadata", () => (tries = 0));
    void give(tickets.url(id));
  };
}

/** @param {Attachment} file @param {Load} load @param {Tickets} tickets */
function picture(file, load, tickets) {
  const { name } = file;
  const image = el("img", { alt: name, decoding: "async" });
  const button = el("button", { type: "button", class: "picture", "aria-label": words.media.open(name) }, image);
  frame(button, file);
  image.addEventListener("load", () => {
    button.classList.add("loaded");
    ratios.set(file.id, image.naturalWidth / image.naturalHeight);
  });
  button.addEventListener("click", async () => {
    const { show } = await import("./lightbox.js");
    show(button, tickets);
  });
  button.dataset.file = file.id;
  button.dataset.name = name;
  load(image, () => button.replaceWith(fileCard(file, tickets)));
  return button;
}

/** Keep its room free. @param {HTMLElement} element @param {Attachment} file */
function frame(element, { id, width, height }) {
  const told = width && height ? width / height : ratios.get(id);
  const ratio = Math.min(Math.max(told ?? USUAL_RATIO, 0.5), 3);
  element.style.aspectRatio = String(ratio);
  element.style.inlineSize = `${Math.round(Math.min(WIDTH_PX, MOST_HEIGHT_PX * ratio, width && width > 64 ? width : WIDTH_PX))}px`;
}

/** @param {Attachment} file @param {Load} load @param {Tickets} tickets */
function video(file, load, tickets) {
  const element = el("video", { class: "film", controls: true, preload: "metadata", playsinline: true, "aria-label": words.media.video(file.name) });
  load(element, () => element.replaceWith(fileCard(file, tickets)));
  return element;
}

/** @param {Attachment} file @param {Tickets} tickets @returns {HTMLElement} */
function fileCard({ id, name, size }, tickets) {
  const kind = el("span", { class: "file-kind" }, sizeOf(name, size));
  const said = el("span", { class: "file-said", role: "status" });
  const link = el(
    "a",
    { class: "file-card", href: "", download: name, rel: "noopener" },
    icon("file"),
    el("span", { class: "file-text" }, el("bdi", { class: "file-name" }, name), kind, said),
  );
  const address = () => void tickets.url(id).then((url) => (link.href = url), () => {}); // A click says what is wrong.
  link.addEventListener("pointerenter", address);
  link.addEventListener("focus", address);
  link.addEventListener("click", (event) => {
    if (!event.isTrusted) return; // Our own click, with an address that is good.
    event.preventDefault();
    tickets.url(id).then(
      (url) => {
        link.href = url;
        link.click();
      },
      (error) => (said.textContent = error instanceof NoSuchFile ? words.media.gone : words.media.lost),
    );
  });
  return link;
}
