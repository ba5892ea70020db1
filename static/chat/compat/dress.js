/** @param {unknown} value @returns {string|undefined} */
const text = (value) => (typeof value === "string" && value ? value : undefined);

/** @param {Record<string, any>} settings `window.chatwootSettings` @returns {Partial<import("../chatproxy.js").Settings>} */
export function dress(settings) {
  const { useBrowserLanguage, locale, hideMessageBubble, position, type, launcherTitle, darkMode } = settings;
  const own = text(useBrowserLanguage ? navigator.language : locale)?.replace("_", "-");
  /** @type {Record<string, string>} */
  const frame = {};
  for (const name of ["welcomeTitle", "welcomeDescription", "availableMessage", "unavailableMessage"]) {
    if (text(settings[name])) frame[name] = settings[name];
  }
  for (const name of ["enableFileUpload", "enableEmojiPicker", "enableEndConversation", "showPopoutButton"]) {
    if (typeof settings[name] === "boolean") frame[name] = settings[name] ? "1" : "0";
  }
  return {
    ...{ locale: own, theme: darkMode === "dark" || darkMode === "auto" ? darkMode : "light", frame },
    ...{ hidden: !!hideMessageBubble, launcher: type === "expanded_bubble" ? "pill" : undefined, position: position === "left" ? "start" : undefined },
    ...(text(launcherTitle) ? { label: launcherTitle, labelWord: launcherTitle } : {}),
  };
}
