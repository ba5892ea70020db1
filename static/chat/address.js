/**
 * @param {string} path of the socket, or its whole address @param {string} api the API's root, a path on our own pages
 * @returns {string} by hand, for not everywhere does `URL` know more than to parse
 */
export function socketUrl(path, api) {
  if (/^wss?:/.test(path)) return path;
  const [own = ""] = /^https?:\/\/[^/?#]+/.exec(api) ?? [];
  const base = /^https?:/.test(path) ? "" : own || globalThis.location?.origin || "";
  return (base + path).replace(/^http/, "ws");
}
