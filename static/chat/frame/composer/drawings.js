/** Icons of the composer's later parts; the same family as icons.js. */
import { shape } from "../icons.js";

const PATHS = {
  file: "M6 3h5l4 4v10H6zM11 3v4h4",
  play: "M7 4.5v11l9-5.5z",
  stop: "M6 6h8v8H6z",
  bin: "M4.5 6h11M8 6V4h4v2M6 6l.7 10h6.6L14 6M8.7 9v4.5M11.3 9v4.5",
  search: "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4",
};

/** @param {keyof typeof PATHS} name @returns {SVGElement} */
export function drawing(name) {
  return shape(PATHS[name]);
}
