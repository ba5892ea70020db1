/**
 * The chats of this page, one for each inbox. `window.chatproxy` is the first of them.
 *
 * @import { ChatApi, Chatproxy, Settings } from "../chatproxy.js"
 */
import { Chat } from "./chat.js";
import { Handle } from "./handle.js";
import { safely } from "./safely.js";

/** @param {string} origin of the script, and so of the frames @returns {Chatproxy} */
export function registry(origin) {
  /** @type {Map<string, Handle>} */
  const handles = new Map();
  const stopped = () => {
    if (![...handles.values()].some(({ begun }) => begun)) window.chatproxy = { q: [] };
  };
  const first = new Handle(stopped);

  /** @param {string} inbox @returns {Handle} the first inbox that is named takes the page's own */
  const handleOf = (inbox) => {
    if (!handles.has(inbox)) handles.set(inbox, handles.size ? new Handle(stopped) : first);
    return /** @type {Handle} */ (handles.get(inbox));
  };

  /** @type {any} */
  const api = Object.create(first.api);
  api.start = (/** @type {Settings} */ settings) => {
    const handle = handleOf(settings.inbox);
    const chat = handle.begun;
    if (!chat) safely(() => handle.start(new Chat({ origin, ...settings }, (name, detail) => handle.emit(name, detail))));
    else if (chat.host === settings.host) chat.placed(); // Moved, which tears its frame out.
    return handle.api;
  };
  api.inbox = (/** @type {string} */ inbox, /** @type {string} */ name, /** @type {unknown[]} */ ...rest) => {
    const other = /** @type {any} */ (handleOf(inbox).api);
    return name ? other[name](...rest) : other;
  };
  const push = (/** @type {any[]} */ ...calls) => calls.forEach((call) => safely(() => api[call?.[0]]?.(...call.slice(1))));
  api.q = { push };
  return api;
}
