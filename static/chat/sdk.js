/**
 * The chat on a host's page: a button, a panel, and nothing else until it is opened. See docs/embedding.md.
 *
 *     <script>window.chatproxy = window.chatproxy || { q: [] };</script>
 *     <script async src="https://chat.example/sdk.js" data-inbox="main"></script>
 *
 * This is the beginning of one classic script; its parts are joined when it is served (`chat/joining.py`, or a build).
 * @import { Chatproxy } from "./chatproxy.js"
 */
import { registry } from "./sdk/registry.js";
import { safely } from "./sdk/safely.js";

safely(() => {
  // `document.currentScript` may be an <img name="currentScript"> of the page's: whose chat it is is not for markup to say.
  const script = /** @type {HTMLScriptElement|null} */ (Reflect.get(Document.prototype, "currentScript", document) ?? document.querySelector("script[data-inbox]"));
  if (!script) return;
  const { inbox, chatwootCompat, ...settings } = script.dataset;
  const { origin } = new URL(script.src);
  const early = /** @type {any} */ (window.chatproxy);
  const chatproxy = /** @type {Chatproxy} */ (early?.start ? early : registry(origin));
  window.chatproxy = chatproxy;
  const isCompat = chatwootCompat !== undefined;
  if (inbox && !isCompat) chatproxy.start({ origin, inbox, .../** @type {any} */ (settings) });
  if (early?.q?.length) chatproxy.q.push(...early.q); // That of a script that ran before has no length.
  if (!isCompat) return;
  window.chatwootSDK ??= { run: (/** @type {unknown} */ asked) => (window.chatwootSDK.asked = asked) }; // Until it is here.
  import(`${origin}/compat.js`).catch(console.warn);
});
