/**
 * Elements from plain values; text only ever becomes text.
 * @typedef {Node|string|null|false|undefined} Child
 */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string|boolean|null>} [attributes] null and false leave one out, true writes it empty
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) mark(element, name, value);
  element.append(...children.filter(present));
  return element;
}

/** What is taken for an e-mail address wherever one is written; the server has the last word. */
export const EMAIL = /^[^\s@]{1,64}@[^\s@]+\.[^\s@]+$/;
const LINKS = new Set(["http:", "https:", "mailto:", "tel:"]);

/**
 * A link to elsewhere; where the address is none that may be opened, its words alone.
 * @param {string} href @param {Record<string, string>} attributes @param {...Child} children @returns {HTMLElement}
 */
export function link(href, attributes, ...children) {
  if (!URL.canParse(href) || !LINKS.has(new URL(href).protocol)) return el("span", attributes, ...children);
  return el("a", { ...attributes, href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

/** Stands where there is no picture of somebody. @param {string} name */
export function initial(name) {
  return document.createTextNode(Array.from(name)[0]?.toUpperCase() ?? "");
}

/** @param {Element} element @param {string} name @param {string|boolean|null} value */
export function mark(element, name, value) {
  if (value === null || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : value);
}

/** Write text only where it differs: a live region speaks at every write. @param {Element} element @param {string} text */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {Child} child @returns {child is Node|string} */
function present(child) {
  return child !== null && child !== false && child !== undefined && child !== "";
}
