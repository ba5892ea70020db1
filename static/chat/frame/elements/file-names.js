/**
 * What a file is to a reader. Pure.
 * @import { Attachment } from "../../wire.js"
 */
import { inWords } from "../sizes.js";

const RASTER = new Set(["png", "jpg", "jpeg", "gif", "webp"]);

/** @param {Pick<Attachment, "type"|"name">} file @returns {"picture"|"audio"|"video"|"file"} drawings (SVG) are files: they may hold anything */
export function kindOf({ type, name }) {
  if (type === "image") return RASTER.has(extensionOf(name)) || !extensionOf(name) ? "picture" : "file";
  return type === "audio" || type === "video" ? type : "file";
}

/** @param {string} name @returns {string} in lower case, empty when there is none */
export function extensionOf(name) {
  return /\.([a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase() ?? "";
}

/** @param {string} name @param {number} bytes @returns {string} such as "PDF, 1.2 MB" */
export function sizeOf(name, bytes) {
  return [extensionOf(name).toUpperCase(), bytes > 0 ? inWords(bytes) : ""].filter(Boolean).join(", ");
}

/** @param {number} seconds @returns {string} such as 1:05 */
export function clockTime(seconds) {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.round(seconds)) : 0;
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
