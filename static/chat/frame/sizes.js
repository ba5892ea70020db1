import { voice } from "./words.js";

/** Bytes as people say them. @param {number} bytes @returns {string} */
export function inWords(bytes) {
  const unit = bytes < 1_000_000 ? "kilobyte" : "megabyte";
  const amount = bytes / (unit === "kilobyte" ? 1_000 : 1_000_000);
  const maximumFractionDigits = unit === "kilobyte" || amount >= 10 ? 0 : 1;
  return new Intl.NumberFormat(voice.locale, { style: "unit", unit, maximumFractionDigits }).format(unit === "kilobyte" ? Math.ceil(amount) : amount);
}
