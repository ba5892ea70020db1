/**
 * The server's text tree as nodes, and as plain text. Blocks and inlines we do not know show what they contain.
 * @import { Block, Inline, Tree } from "../wire.js"
 */
import { el, link } from "./nodes.js";

const MAX_DEPTH = 16;

/** @param {Tree} tree @returns {DocumentFragment} */
export function render(tree) {
  const fragment = document.createDocumentFragment();
  fragment.append(...tree.map((block) => blockNode(block, 0)));
  return fragment;
}

/** @param {Tree} tree @returns {string} paragraphs by blank lines */
export function plainText(tree) {
  return tree.map(blockText).join("\n\n");
}

const EMOJI = /^(?:\s|[\p{Extended_Pictographic}\p{Emoji_Modifier}\u200d\ufe0f\u20e3\p{Regional_Indicator}])+$/u;
const MOST_EMOJI = 24; // code units: about six

/** @param {Tree} tree @returns {boolean} a few emoji and nothing else */
export function isEmoji(tree) {
  const text = plainText(tree).trim();
  return text.length > 0 && text.length <= MOST_EMOJI && EMOJI.test(text);
}

/** @param {Block} block @param {number} depth @returns {Node} */
function blockNode(block, depth) {
  if (depth > MAX_DEPTH) return el("p", {}, blockText(block));
  switch (block.t) {
    case "p":
      return el("p", {}, ...inlines(block.c, depth + 1));
    case "quote":
      return el("blockquote", {}, ...block.c.map((child) => blockNode(child, depth + 1)));
    case "code":
      return el("pre", { tabindex: "0" }, el("code", {}, block.s));
    case "list":
      return list(block, depth + 1);
    default:
      return el("p", {}, blockText(block));
  }
}

/** @param {Extract<Block, {t: "list"}>} block @param {number} depth */
function list({ ordered, start, c }, depth) {
  const items = c.map((item) => el("li", {}, ...item.map((child) => blockNode(child, depth))));
  return ordered ? el("ol", { start: String(start ?? 1) }, ...items) : el("ul", {}, ...items);
}

/** @param {Inline[]} children @param {number} depth @returns {Node[]} */
function inlines(children, depth) {
  return children.map((child) => inlineNode(child, depth));
}

/** @param {Inline} inline @param {number} depth @returns {Node} */
function inlineNode(inline, depth) {
  if (typeof inline === "string") return document.createTextNode(inline);
  if (depth > MAX_DEPTH) return document.createTextNode(inlineText(inline));
  switch (inline.t) {
    case "br":
      return el("br");
    case "code":
      return el("code", {}, inline.s);
    case "link":
      return link(inline.href, {}, ...inlines(inline.c, depth + 1));
    case "strong":
      return el("strong", {}, ...inlines(inline.c, depth + 1));
    case "em":
      return el("em", {}, ...inlines(inline.c, depth + 1));
    case "strike":
      return el("s", {}, ...inlines(inline.c, depth + 1));
    default:
      return document.createTextNode(inlineText(inline));
  }
}

/** @param {any} block @returns {string} */
function blockText(block) {
  if (typeof block?.s === "string") return block.s;
  const children = Array.isArray(block?.c) ? block.c : [];
  if (block?.t === "list") return children.map((/** @type {Block[]} */ item) => item.map(blockText).join("\n")).join("\n");
  return block?.t === "quote" ? children.map(blockText).join("\n") : children.map(inlineText).join("");
}

/** @param {any} inline @returns {string} */
function inlineText(inline) {
  if (typeof inline === "string") return inline;
  if (inline?.t === "br") return "\n";
  if (typeof inline?.s === "string") return inline.s;
  return Array.isArray(inline?.c) ? inline.c.map(inlineText).join("") : "";
}
