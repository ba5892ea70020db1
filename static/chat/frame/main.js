/** Starts the chat of this page: the frame's, or the full page's. */
import { ChatClient } from "../client.js";
import { accentFor } from "./accent.js";
import { App } from "./app.js";
import { ChatComposer } from "./elements/chat-composer.js";
import { ChatHeader } from "./elements/chat-header.js";
import { ChatThread } from "./elements/chat-thread.js";
import { Host } from "./host.js";
import { el } from "./nodes.js";

/** @returns {import("../wire.js").Config} */
function readConfig() {
  return JSON.parse(document.getElementById("config")?.textContent ?? "{}");
}

/** @param {string} brand */
function paint(brand) {
  const { style } = document.documentElement;
  for (const scheme of /** @type {const} */ (["light", "dark"])) {
    const accent = accentFor(brand, scheme);
    if (!accent) continue;
    style.setProperty(`--brand-mark-${scheme}`, accent.mark);
    if (!accent.ground) continue;
    style.setProperty(`--brand-${scheme}`, accent.ground);
    style.setProperty(`--brand-ink-${scheme}`, accent.ink);
  }
}

/** @param {ChatClient} client @param {App} app @param {Host} host */
function listen(client, app, host) {
  addEventListener("online", () => (client.wake(), app.draw()));
  addEventListener("offline", () => (client.lose(), app.draw()));
  addEventListener("pageshow", ({ persisted }) => persisted && client.wake());
  addEventListener("pagehide", () => client.leave());
  addEventListener("storage", ({ key }) => client.noticed(key));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") client.wake();
    app.looked();
  });
  document.addEventListener("keydown", ({ key, isComposing }) => {
    if (key === "Escape" && !isComposing) host.tell({ type: "close" });
  });
}

/** @returns {import("./app.js").Parts} */
function build() {
  const parts = {
    header: new ChatHeader(),
    thread: new ChatThread(),
    notice: el("p", { class: "notice", "aria-live": "polite" }),
    composer: new ChatComposer(),
  };
  document.querySelector("main")?.append(...Object.values(parts));
  return parts;
}

/** @param {ChatClient} client */
async function glance(client) {
  if (!(await client.glance())) addEventListener("online", () => void client.glance(), { once: true });
}

function main() {
  const config = readConfig();
  paint(config.accent);
  const client = new ChatClient({ inbox: config.inbox, api: config.api, socket: config.socket });
  const parts = build();
  const open = () => {
    client.start();
    app.open = true;
    app.looked();
    if (matchMedia("(hover: hover)").matches) parts.composer.focusField();
  };
  const closed = () => {
    app.open = false;
    app.looked();
  };
  const host = new Host({ window, allowed: config.host_origins, events: { open, closed } });
  const app = new App({ client, config, host, parts });
  app.start();
  listen(client, app, host);
  host.start();
  // Behind a closed launcher one look is enough for its badge; the socket waits for the first opening, or for
  // something left unsent on the page before.
  if (host.embedded) void glance(client);
  else open();
}

main();
