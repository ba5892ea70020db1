/**
 * Starts the chat of this page: the frame's, or the full page's.
 * @import { Late } from "../annotations.js"
 */
import { ChatClient } from "../client.js";
import { BEGUN, LEAVING } from "../session.js";
import { App } from "./app.js";
import { askedOf } from "./asked.js";
import { Badge } from "./badge.js";
import { ChatComposer } from "./elements/chat-composer.js";
import { ChatHeader } from "./elements/chat-header.js";
import { ChatThread } from "./elements/chat-thread.js";
import { Host } from "./host.js";
import { el } from "./nodes.js";
import { Outward } from "./outward.js";
import { wear } from "./theme.js";
import { speak, words } from "./words.js";

/** @returns {import("../wire.js").Config} */
function readConfig() {
  return JSON.parse(document.getElementById("config")?.textContent ?? "{}");
}

/** The catalogue is on its way since the page began (modulepreload). Without it the page speaks English. @param {import("../wire.js").Config} config */
async function learn({ catalogue, locale, texts }) {
  const { documentElement: root } = document;
  try {
    const learnt = catalogue ? (await import(catalogue)).default : null;
    speak(learnt, { locale, texts, rtl: root.dir === "rtl" });
  } catch {
    Object.assign(root, { lang: "en", dir: "ltr" });
    speak(null, { texts });
  }
}

/** The page around us wants another language or theme. What is written and unsent is kept in storage. */
function change(/** @type {{locale?: string, theme?: string}} */ { locale, theme }, /** @type {import("../wire.js").Config} */ config) {
  if (theme !== undefined) wear(theme);
  if (locale === undefined || locale === config.locale || locale === config.language) return;
  const url = new URL(location.href);
  url.searchParams.set("locale", locale);
  if (theme !== undefined) url.searchParams.set("theme", theme);
  if (url.href !== location.href) location.replace(url.href);
}

/** @param {ChatClient} client @param {App} app @param {Host} host @param {Badge} badge */
function listen(client, app, host, badge) {
  const wake = () => (client.wake(), badge.look());
  addEventListener("online", () => (wake(), app.draw()));
  addEventListener("offline", () => (client.lose(), app.draw()));
  addEventListener("pageshow", ({ persisted }) => persisted && wake());
  addEventListener("pagehide", () => (client.leave(), app.composing.keep()));
  addEventListener("storage", ({ key, newValue }) => (client.noticed(key), badge.heard(key, newValue)));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") wake();
    app.looked();
  });
  document.addEventListener("chat-postback", (event) => host.happened("postback", /** @type {CustomEvent} */ (event).detail));
  document.addEventListener("keydown", ({ key, isComposing }) => {
    if (key === "Escape" && !isComposing && host.closable) host.tell({ type: "close" });
  });
}

/**
 * Nothing of it is seen before all of it is filled: what is painted does not move. It replaces what the page said while
 * its script did not come.
 * @returns {import("./app.js").Parts}
 */
function build() {
  const parts = {
    header: new ChatHeader(),
    thread: new ChatThread(),
    notice: el("p", { class: "notice", "aria-live": "polite" }),
    composer: new ChatComposer(),
  };
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  main.style.visibility = "hidden";
  main.replaceChildren(...Object.values(parts));
  return parts;
}

/** What the launcher says, as sdk.js calls it. */
function labels() {
  const { chat, open, close, unread, loading, unreachable } = words.launcher;
  const { lang } = document.documentElement;
  return { lang, labelWord: chat, label: open, labelClose: close, labelUnread: unread("{count}"), labelLoading: loading, labelUnreachable: unreachable };
}

/** @param {object|undefined} values */
const plain = (values) => Object.fromEntries(Object.entries(values ?? {}));

/** What the page around us may want. @param {ChatClient} client @param {() => void} settled when it is known who sits here */
function wishes(client, settled) {
  return {
    identify: async (/** @type {unknown} */ told) => {
      try {
        await client.identify(told);
      } finally {
        settled();
      }
    },
    logout: () => client.logout(),
    attributes: (/** @type {any} */ values) => client.setAttributes(plain(values)),
    conversation: (/** @type {any} */ values, /** @type {Late} */ late) => client.annotate({ attributes: plain(values) }, late),
    labels: (/** @type {any} */ values, /** @type {Late} */ late) => client.annotate({ labels: plain(values) }, late),
  };
}

/** What follows is a task of its own: on a slow phone all together would be a long one, in which nothing answers. */
const breath = () => new Promise((resolve) => setTimeout(resolve));

/** What the page around us wants of it, which only one that may embed the chat may want. @param {import("../wire.js").Config} config */
function heeded(config) {
  const asked = askedOf(location.search);
  config.greeting = asked.greeting || config.greeting;
  config.texts = { ...config.texts, ...asked.texts };
  if (!asked.files) config.limits.files = 0;
  return asked;
}

async function main() {
  const config = readConfig();
  for (const [name, colour] of Object.entries(config.colours)) document.documentElement.style.setProperty(name, colour);
  const client = new ChatClient({ inbox: config.inbox, api: config.api, socket: config.socket });
  if (config.begun && !client.session.begun && !client.storage.get(LEAVING)) client.storage.set(BEGUN, true);
  const open = ({ focus = true } = {}) => {
    client.start();
    app.open = true;
    app.looked();
    if (focus && matchMedia("(hover: hover)").matches) parts.composer.focusField();
  };
  const closed = () => {
    app.open = false;
    app.looked();
  };
  const settled = () => void (app.open || badge.begin());
  const look = (/** @type {{locale?: string, theme?: string}} */ wanted) => change(wanted, config);
  const events = { open, closed, look, ...wishes(client, settled) };
  const host = new Host({ window, allowed: config.host_origins, events });
  const badge = new Badge({ client, host });
  const asked = host.embedded ? heeded(config) : null;
  await learn(config);
  const parts = build();
  await breath();
  const app = new App({ client, config, host, parts });
  app.mayEnd = asked?.end ?? true;
  app.start();
  if (asked?.emoji === false) parts.composer.querySelector(".emoji")?.remove();
  if (asked?.popout) import("./popout.js").then(({ popout }) => popout(parts.header, host)).catch(() => {}); // It is not needed.
  if (config.team?.length) import("./team.js").then(({ introduce }) => introduce(app)).catch(() => {}); // Nor is this.
  parts.header.parentElement?.style.removeProperty("visibility");
  new Outward({ client, host, messages: () => app.messages() }).start();
  listen(client, app, host, badge);
  host.start();
  host.tell({ type: "words", words: labels() });
  // Behind a closed launcher no socket is needed for its badge; that waits for the first opening, or for something left
  // unsent on the page before.
  if (!host.embedded) open({ focus: !config.still });
  else if (!host.introduces) badge.begin();
}

void breath().then(main);
