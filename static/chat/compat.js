/**
 * `$chatwoot` for pages that were made for Chatwoot's own widget: the calls, events and settings of
 * docs/chatwoot-compat.md, on top of `chatproxy`. Loaded by `sdk.js` where its tag says `data-chatwoot-compat`.
 *
 * @import { ChatApi, ChatMessage, Trouble } from "./chatproxy.js"
 * @typedef {Record<string, any>} Loose
 */
import { dress } from "./compat/dress.js";
import { popOut } from "./compat/popout.js";
import { profileOf, proofOf } from "./compat/user.js";

/** @param {string} name @param {unknown} [detail] */
const raise = (name, detail = null) => dispatchEvent(new CustomEvent(`chatwoot:${name}`, { detail }));

/** @param {ChatMessage} message @returns {Loose} in the words of Chatwoot's cable */
const asChatwoot = ({ id, conversation, direction, at, content_type, text, sender }) => ({
  ...{ id, content: text, content_type, message_type: direction === "incoming" ? 0 : 1 },
  ...{ conversation_id: conversation, created_at: Math.floor(at / 1_000), sender: sender ? { name: sender } : null },
});

/** @param {Loose|undefined} values @returns {Loose} */
const filled = (values) => {
  if (!values || !Object.keys(values).length) throw new Error("Custom attributes should have atleast one key");
  return values;
};

/** @param {unknown} name @param {string} what @returns {string} */
const named = (name, what) => {
  if (!name) throw new Error(`${what} is required`);
  return String(name);
};

/** @param {ChatApi} chat @param {Loose} $chatwoot */
function listen(chat, $chatwoot) {
  chat.on("open", () => raise("opened"));
  chat.on("close", () => raise("closed"));
  chat.on("error", ({ code, message }) => {
    if (code === "unsupported") console.warn(message); // Chatwoot's own widget could do it: whoever moves shall know.
    raise("error", { code, message });
  });
  chat.on("message", (message) => raise("on-message", asChatwoot(message)));
  chat.on("popout", () => $chatwoot.popoutChatWindow());
  chat.on("start", ({ first }) => raise("on-start-conversation", { hasConversation: !first }));
  chat.on("postback", (payload) => raise("postback", { event: "postback", data: { payload } }));
  Object.defineProperty($chatwoot, "isOpen", { get: () => chat.isOpen });
  // Whoever waits for it wants to call us, and we can be called: that needs no frame.
  setTimeout(() => {
    $chatwoot.hasLoaded = true;
    raise("ready");
  });
}

/** @param {ChatApi} chat @param {Loose} $chatwoot */
function person(chat, $chatwoot) {
  return {
    setUser(/** @type {unknown} */ identifier, /** @type {Loose} */ user) {
      const proof = proofOf(identifier, user); // Throws for what Chatwoot throws for.
      Object.assign($chatwoot, { identifier, user });
      if (proof) chat.identify(proof);
      chat.setAttributes(profileOf(identifier, user, !proof));
    },
    reset() {
      Object.assign($chatwoot, { identifier: undefined, user: undefined, resetTriggered: true });
      chat.close();
      chat.logout();
    },
  };
}

/** @param {ChatApi} chat */
const attributes = (chat) => ({
  setCustomAttributes: (/** @type {Loose} */ values) => void chat.setAttributes(filled(values)),
  deleteCustomAttribute: (/** @type {string} */ name) => void chat.setAttributes({ [named(name, "Custom attribute")]: null }),
  setConversationCustomAttributes: (/** @type {Loose} */ values) => void chat.setConversationAttributes(filled(values)),
  deleteConversationCustomAttribute: (/** @type {string} */ name) =>
    void chat.deleteConversationAttribute(named(name, "Custom attribute")),
  setLabel: (/** @type {string} */ name) => void chat.setLabel(named(name, "Label")),
  removeLabel: (/** @type {string} */ name) => void chat.removeLabel(name),
});

/** @param {ChatApi} chat @param {Loose} $chatwoot @param {ReturnType<typeof dress>} worn */
function looks(chat, $chatwoot, worn) {
  return {
    toggle: (/** @type {string} */ state) => void (state === "open" ? chat.open() : state === "close" ? chat.close() : chat.toggle()),
    toggleBubbleVisibility(/** @type {string} */ state) {
      $chatwoot.hideMessageBubble = state === "hide";
      if (state === "hide") chat.hide();
      if (state === "show") chat.show();
    },
    popoutChatWindow() {
      chat.close();
      popOut($chatwoot.baseUrl, $chatwoot.inbox, worn);
    },
    setLocale: (locale = "en") => void chat.setLocale((worn.locale = locale.replace("_", "-"))),
    setColorScheme: (/** @type {string} */ scheme) =>
      void chat.setTheme((worn.theme = scheme === "dark" || scheme === "auto" ? scheme : "light")),
  };
}

/** @type {Loose} */
const here = window;
const script = /** @type {HTMLScriptElement|null} */ (document.querySelector("script[data-chatwoot-compat]"));
const asked = here.chatwootSDK?.asked;

/** @param {{baseUrl?: string, websiteToken?: string}} options `websiteToken`: the inbox, unless the script's tag names it */
function run({ baseUrl, websiteToken }) {
  const inbox = script?.dataset.inbox ?? websiteToken;
  if (here.$chatwoot || !inbox || !window.chatproxy?.start) return;
  const settings = here.chatwootSettings ?? {};
  const origin = script ? new URL(script.src).origin : new URL(baseUrl ?? location.href).origin;
  const worn = dress(settings);
  const chat = window.chatproxy.start({ accent: script?.dataset.accent, ...worn, inbox, origin });
  /** @type {Loose} */
  const $chatwoot = { ...settings, baseUrl: origin, websiteToken, inbox, hasLoaded: false, resetTriggered: false };
  here.$chatwoot = Object.assign($chatwoot, looks(chat, $chatwoot, worn), person(chat, $chatwoot), attributes(chat));
  listen(chat, $chatwoot);
}

here.chatwootSDK = { run };
if (asked || script?.dataset.inbox) run(asked ?? {});
