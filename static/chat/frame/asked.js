/**
 * What the page around us says in the frame's address of how the chat is to be. All of it is text; `texts` by the paths of
 * `words`.
 * @param {string} search
 * @returns {{greeting: string, texts: Record<string, string>, files: boolean, emoji: boolean, end: boolean, popout: boolean}}
 */
export function askedOf(search) {
  const said = new URLSearchParams(search);
  const isOn = (/** @type {string} */ name) => said.get(name) !== "0";
  const [here, away] = [said.get("availableMessage"), said.get("unavailableMessage")];
  const lines = { "header.online": here, "header.plain": away, "header.away": away };
  const given = Object.entries(lines).flatMap(([path, line]) => (line ? [[path, line.slice(0, 100)]] : []));
  return {
    greeting: [said.get("welcomeTitle"), said.get("welcomeDescription")].filter(Boolean).join("\n").slice(0, 500),
    texts: Object.fromEntries(given),
    files: isOn("enableFileUpload"),
    emoji: isOn("enableEmojiPicker"),
    end: isOn("enableEndConversation"),
    popout: said.get("showPopoutButton") === "1",
  };
}
