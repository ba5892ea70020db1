/**
 * The help centre in an empty chat: a way to search it and its most read articles above the greeting, and what is found in
 * place of the thread.
 *
 * @import { App } from "./app.js"
 * @import { Tree } from "../wire.js"
 * @import { ArticleLine } from "./help-centre.js"
 */
import { HelpHome } from "./elements/help-home.js";
import { HelpView } from "./elements/help-view.js";
import { HelpCentre } from "./help-centre.js";

const PAUSES_MS = [5_000, 60_000]; // until it is asked again that could not answer

/** @param {App} app */
export async function help(app) {
  const { client, config, clock } = app;
  const { header, thread, composer } = app.parts;
  const { api, inbox, fetch } = client.session;
  const centre = new HelpCentre({ api, inbox, locale: config.locale, fetch });
  const wait = (/** @type {number} */ ms) => new Promise((resolve) => clock.after(ms, () => resolve(null)));
  const articles = await patiently(() => centre.top(), wait);
  if (!articles?.length) return; // Nothing to search in: then there is only the chat.
  // Articles are written as messages are, and whoever reads on may soon write one.
  const render = async (/** @type {Tree} */ tree) => (await app.messages()).render(tree);
  const view = new HelpView({ centre, render, clock, thread, ask: () => composer.focusField() });
  const home = new HelpHome({ articles, search: (opener) => view.search(opener), read: (line, opener) => view.read(line, opener) });
  const empty = /** @type {HTMLElement} */ (thread.querySelector(".suggestions")); // It stands there while nothing is said.
  const follow = () => void (home.hidden = empty.hidden);
  follow();
  empty.parentElement?.prepend(home);
  client.on("change", () => requestAnimationFrame(follow));
  header.addEventListener("chat-list", () => view.leave());
}

/** @param {() => Promise<ArticleLine[]>} ask @param {(ms: number) => Promise<unknown>} wait @returns {Promise<ArticleLine[]|null>} */
async function patiently(ask, wait) {
  for (const pause of PAUSES_MS) {
    try {
      return await ask();
    } catch {
      await wait(pause);
    }
  }
  return ask().catch(() => null);
}
