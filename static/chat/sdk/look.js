/** How the launcher and the panel look; they live in a shadow root, so the host's styles and ours do not meet. */
export const SVG = "http://www.w3.org/2000/svg";
export const BUBBLE = "M4.5 6.5a3 3 0 0 1 3-3h9a3 3 0 0 1 3 3v6a3 3 0 0 1-3 3H12l-4.5 4v-4a3 3 0 0 1-3-3z";
export const CHEVRON = "M6 9.5l6 6 6-6";

const CSS = `
:host{all:initial;position:fixed;z-index:2147483000;--s:#fdfcfa;--t:#1f1d1a;--l:#0000001a}
*{box-sizing:border-box;font:15px/22px system-ui,sans-serif}
[hidden]{display:none!important}
button,.panel{position:fixed;bottom:calc(20px + env(safe-area-inset-bottom));inset-inline-end:calc(20px + env(safe-area-inset-right));background:var(--s);border:0;outline:1px solid #0000}
button{min-width:56px;height:56px;padding:0;border-radius:28px;background:var(--a);color:var(--i);cursor:pointer;display:flex;place-content:center;place-items:center;gap:8px;
font-weight:600;box-shadow:0 2px 10px #0000002e}
span{display:none}
.pill>[aria-expanded=false]{padding-inline:18px 22px}.pill>[aria-expanded=false]>span,.badge{display:block}
button:focus-visible{outline:2px solid var(--a);outline-offset:3px}
svg{width:24px;height:24px;fill:none;stroke:currentColor;stroke-width:1.5;stroke-linecap:round}
.badge{position:absolute;top:-4px;inset-inline-end:-4px;min-width:20px;padding:0 6px;border-radius:10px;background:#b3261e;color:#fff;font:600 12px/20px system-ui,sans-serif}
.panel{margin-bottom:68px;width:384px;height:min(640px,100dvh - 104px);border-radius:20px;overflow:hidden;
box-shadow:0 0 0 1px var(--l),0 12px 40px #0000002e;transform-origin:100% 100%}
.panel:dir(rtl),.start>.panel{transform-origin:0 100%}
.start>*{inset-inline:calc(20px + env(safe-area-inset-left)) auto}
iframe{display:block;width:100%;height:100%;border:0;color-scheme:normal}
.panel:not(.ready) iframe{visibility:hidden}
.panel:not(.ready):not([hidden])~button{display:flex!important}
.note{position:absolute;inset:0;margin:auto;height:fit-content;padding:24px;color:var(--t);text-align:center;animation:late 1ms .3s backwards}
.ready .note{display:none}
@keyframes in{from{opacity:0;transform:scale(.94)}}
@keyframes late{from{visibility:hidden}}
@media(prefers-reduced-motion:no-preference){.panel{animation:in .16s ease-out}button:hover{translate:0 -1px}}
.full>.panel{inset:0;margin:0;width:100%;height:100dvh;border-radius:0}
.full>.panel:not(.ready){display:none}
@media(max-width:479.98px){.panel{inset:0;margin:0;width:100%;height:100dvh;border-radius:0}.panel.ready:not([hidden])~button{display:none!important}}`;
const INLINE = `:host{position:relative;z-index:auto;display:block;height:100%;min-height:480px}
div.inline,.inline>.panel.panel{position:relative;margin:0;width:100%;height:100%;border-radius:0;box-shadow:none;animation:none}`;

/**
 * The accent, and black or white on it, whichever reads better: 4.5:1. In the dark it is quieter.
 * @param {string} accent `#rrggbb` or `#rgb`
 */
function colours(accent) {
  const channels = /** @type {string[]} */ (accent.match(accent[4] ? /\w\w/g : /\w/g));
  const rgb = channels.map((digits) => parseInt(digits[1] ? digits : digits + digits, 16));
  const isLight = (/** @type {number[]} */ [r, g, b]) => r ** 2.2 * 0.2126 + g ** 2.2 * 0.7152 + b ** 2.2 * 0.0722 > 35_253; // of 255 ** 2.2
  const paint = (/** @type {number[]} */ of) => `--a:rgb(${of});--i:${isLight(of) ? "#000" : "#fff"};`;
  const dark = `{${paint(rgb.map((c) => (c * 0.82 + (isLight(rgb) ? 36.5 : 17.78)) | 0))}--s:#191816;--t:#f2efe9;--l:#ffffff1f}`;
  return `:host>div{${paint(rgb)}}@media(prefers-color-scheme:dark){:host>:not(.light)${dark}}:host>.dark${dark}`;
}

/** @param {string} accent @param {boolean} inline @returns {CSSStyleSheet} not touched by the host's style-src, unlike a style element */
export function sheetOf(accent, inline) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS + colours(/^#([\da-f]{3}){1,2}$/i.test(accent) ? accent : "#1f6f5c") + (inline ? INLINE : ""));
  return sheet;
}
