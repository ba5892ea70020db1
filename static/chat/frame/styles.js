/**
 * Stylesheets of what is not on the page at first: `static/chat/lazy/NAME.css`, linked when it is first needed.
 * Their addresses stand in the page's config, as releases carry hashes in their names.
 */
import { el } from "./nodes.js";

/** @type {Map<string, Promise<boolean>>} */
const linked = new Map();

/**
 * Resolves when it applies; to false where it did not come: its part is plain then, not missing, and it is asked for again.
 * @param {string} name @param {Record<string, string>} addresses
 */
export function style(name, addresses) {
  const known = linked.get(name);
  if (known) return known;
  const link = el("link", { rel: "stylesheet", href: addresses[name] ?? "" });
  /** @type {Promise<boolean>} */
  const applied = new Promise((resolve) => {
    link.addEventListener("load", () => resolve(true));
    link.addEventListener("error", () => {
      linked.delete(name);
      link.remove();
      resolve(false);
    });
  });
  linked.set(name, applied);
  document.head.append(link);
  return applied;
}
