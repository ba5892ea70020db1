const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  attach: "M14.5 8.2 9 13.7a2.2 2.2 0 0 1-3.1-3.1l6-6a3.6 3.6 0 0 1 5.1 5.1l-6.2 6.2a5 5 0 0 1-7.1-7.1L9 3.5",
  insert: "M10 4v12M4 10h12",
  back: "M12 4.5 6.5 10l5.5 5.5",
  person: "M10 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM4 16.5c.6-3 3-4.5 6-4.5s5.4 1.5 6 4.5",
  remove: "M5.5 5.5l9 9M14.5 5.5l-9 9",
  file: "M5.5 3h6l3.5 3.5V17h-9.5zM11.5 3v3.5H15",
  down: "M5 8l5 5 5-5",
  lock: "M5.5 9h9v7.5h-9zM7.5 9V6.5a2.5 2.5 0 0 1 5 0V9",
};

/** A 20 px drawing in the text's colour, silent to screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  const attributes = { viewBox: "0 0 20 20", width: "20", height: "20", fill: "none", "aria-hidden": "true" };
  const stroke = {
    stroke: "currentColor",
    "stroke-width": "1.5",
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  };
  for (const [key, value] of Object.entries({ ...attributes, ...stroke })) svg.setAttribute(key, value);
  svg.append(path);
  return svg;
}
