/** Five faces and a star, drawn like the icons: no font decides how a visitor's mood looks. */
const SVG = "http://www.w3.org/2000/svg";
const MOUTHS = ["M11 22.5c1.4-2.6 3-3.8 5-3.8s3.6 1.2 5 3.8", "M11.5 21.5c1.2-1.4 2.6-2.1 4.5-2.1s3.3.7 4.5 2.1", "M11.5 20.5h9", "M11.5 19.5c1.2 1.4 2.6 2.1 4.5 2.1s3.3-.7 4.5-2.1", "M10.5 18.5c1.2 3 3 4.5 5.5 4.5s4.3-1.5 5.5-4.5z"];
const STAR = "M16 5.5l3.2 6.7 7.3 1-5.3 5.1 1.3 7.3-6.5-3.5-6.5 3.5 1.3-7.3-5.3-5.1 7.3-1z";

/** @param {number} rating 1–5 */
export function face(rating) {
  return drawing("M16 28.5a12.5 12.5 0 1 0 0-25 12.5 12.5 0 0 0 0 25z", "M12 12.5v2M20 12.5v2", MOUTHS[rating - 1] ?? "");
}

export function star() {
  return drawing(STAR);
}

/** @param {...string} paths */
function drawing(...paths) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 32 32", "aria-hidden": "true", class: "sign" })) svg.setAttribute(name, value);
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
