/**
 * An inbox's brand colour, made safe for text. Pure.
 * @typedef {[number, number, number]} Rgb 0–255
 * @typedef {{ground: string|null, ink: string|null, mark: string}} Accent
 *   `ground` carries text in `ink`; `mark` is the brand for lines and dots. A colour that carries neither dark
 *   nor light text, or cannot be told from the surface, is a mark and no ground.
 */
const MIN_CONTRAST = 4.5;
const MIN_SHAPE_CONTRAST = 1.25;
/** @type {Rgb} */ const WHITE = [255, 255, 255];
/** @type {Rgb} */ const BLACK = [31, 29, 26];

/** @param {string} hex `#rrggbb` or `#rgb` @returns {Rgb|null} */
export function parseHex(hex) {
  const digits = /^#(?:([0-9a-f]{6})|([0-9a-f]{3}))$/i.exec(hex.trim());
  if (!digits) return null;
  const long = digits[1] ?? (digits[2] ?? "").replace(/./g, "$&$&");
  const value = parseInt(long, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** @param {Rgb} a @param {Rgb} b @returns {number} WCAG contrast, 1–21 */
export function contrast(a, b) {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

/**
 * @param {string} brand
 * @param {"light"|"dark"} scheme
 * @returns {Accent|null} null: not a colour
 */
export function accentFor(brand, scheme) {
  const rgb = parseHex(brand);
  if (!rgb) return null;
  const shade = scheme === "dark" ? muted(rgb) : rgb;
  // White wins ties by far: coloured bubbles read as "mine" with light text, as people know them.
  const ink = [WHITE, BLACK].find((candidate) => contrast(shade, candidate) >= MIN_CONTRAST);
  const stands = contrast(shade, scheme === "dark" ? BLACK : WHITE) >= MIN_SHAPE_CONTRAST;
  const mark = css(markOf(shade, scheme));
  return ink && stands ? { ground: css(shade), ink: css(ink), mark } : { ground: null, ink: null, mark };
}

/** Dark is not inverted light: the colour loses saturation and a little light. @param {Rgb} rgb @returns {Rgb} */
function muted(rgb) {
  const grey = luminance(rgb) > 0.4 ? 200 : 96;
  return mix(rgb, [grey, grey, grey], 0.18);
}

/** A line or a dot needs 3:1 against the surface. @param {Rgb} rgb @param {"light"|"dark"} scheme @returns {Rgb} */
function markOf(rgb, scheme) {
  const surface = scheme === "dark" ? BLACK : WHITE;
  const towards = scheme === "dark" ? WHITE : BLACK;
  let mark = rgb;
  for (let step = 0; step < 8 && contrast(mark, surface) < MIN_CONTRAST; step += 1) mark = mix(mark, towards, 0.2);
  return mark;
}

/** @param {Rgb} a @param {Rgb} b @param {number} share of b @returns {Rgb} */
function mix(a, b, share) {
  const one = (/** @type {0|1|2} */ i) => Math.round(a[i] * (1 - share) + b[i] * share);
  return [one(0), one(1), one(2)];
}

/** @param {Rgb} rgb @returns {number} */
function luminance([r, g, b]) {
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

/** @param {number} channel */
function linear(channel) {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

/** @param {Rgb} rgb */
function css(rgb) {
  return `#${rgb.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}
