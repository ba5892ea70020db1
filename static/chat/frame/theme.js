/** Light, dark, or as the system has it: tokens.css knows the rest. */
const THEMES = new Set(["light", "dark"]);

/** @param {unknown} theme anything but light and dark is the system's */
export function wear(theme) {
  const { documentElement: root } = document;
  const forced = typeof theme === "string" && THEMES.has(theme) ? theme : "";
  root.toggleAttribute("data-theme", forced !== "");
  if (forced) root.dataset.theme = forced;
  document.querySelector("meta[name=color-scheme]")?.setAttribute("content", forced || "light dark");
}
