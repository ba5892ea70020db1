/** One family: 20 px, stroke 1.5, round, currentColor. */
const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  close: "M5 5l10 10M15 5L5 15",
  send: "M10 16V4.5M5 9.5l5-5 5 5",
  down: "M10 4v11.5M5 10.5l5 5 5-5",
  attach: "M16.7 9.3l-7 7a4.4 4.4 0 0 1-6.2-6.2l7-7a2.9 2.9 0 0 1 4.2 4.2l-7 7a1.5 1.5 0 0 1-2.1-2.1l6.4-6.4",
  emoji: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM7.5 8.2v.3M12.5 8.2v.3M7 11.8a3.8 3.8 0 0 0 6 0",
  record: "M10 12.5a2.5 2.5 0 0 0 2.5-2.5V5.5a2.5 2.5 0 0 0-5 0V10a2.5 2.5 0 0 0 2.5 2.5zM5 9.5a5 5 0 0 0 10 0M10 14.5V17",
  sound: "M4 8v4h2.5L10 15V5L6.5 8zM12.8 7.6a3.4 3.4 0 0 1 0 4.8M14.8 5.6a6.2 6.2 0 0 1 0 8.8",
  muted: "M4 8v4h2.5L10 15V5L6.5 8zM13 8l4 4M17 8l-4 4",
  file: "M11.5 3H6.5A1.5 1.5 0 0 0 5 4.5v11A1.5 1.5 0 0 0 6.5 17h7a1.5 1.5 0 0 0 1.5-1.5v-9zM11.5 3v3.5H15",
  save: "M10 3.5v9M6.5 9.5l3.5 3.5 3.5-3.5M4 16.5h12",
  play: "M7 4.8v10.4l8-5.2z",
  pause: "M7.5 5v10M12.5 5v10",
  before: "M12 5l-5 5 5 5",
  next: "M8 5l5 5-5 5",
  list: "M4 5.5h12M4 10h12M4 14.5h7",
  check: "M4.5 10.5l3.5 3.5 7.5-8",
};

/** @param {keyof typeof PATHS} name @returns {SVGElement} */
export function icon(name) {
  return shape(PATHS[name]);
}

/** @param {string} d @returns {SVGElement} */
export function shape(d) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 20 20", "aria-hidden": "true", class: "icon" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", d);
  svg.append(path);
  return svg;
}
