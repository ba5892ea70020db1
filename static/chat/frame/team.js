/**
 * Who answers here, until somebody has: their faces in the header, and their names in its line.
 * @import { State } from "../state.js"
 * @import { Colleague } from "../wire.js"
 * @import { App } from "./app.js"
 */
import { inView } from "../selectors.js";
import { el, initial } from "./nodes.js";
import { voice, words } from "./words.js";

/** Their sheet stands in the head of a page that names them. @param {App} app */
export function introduce(app) {
  const { team = [], texts = {} } = app.config;
  const { line, parts } = app;
  const names = words.header.team(listed(team));
  // An inbox that has written a line of its own says more by it than by names: these are the faces' then.
  const speaks = "header.plain" in texts || "header.online" in texts;
  const faces = el("div", { class: "faces", ...(speaks ? { role: "img", "aria-label": names } : { "aria-hidden": "true" }) }, ...team.map(face));
  parts.header.querySelector(".who")?.after(faces);
  app.line = (state, now, hours) => {
    const said = line(state, now, hours);
    const { online, plain } = words.header;
    const first = isUnanswered(state) && (said === online || said === plain);
    faces.hidden = !first;
    return first && !speaks ? names : said;
  };
  app.draw();
}

/** @param {State} state whether no agent has said anything in the conversation that is shown */
function isUnanswered(state) {
  return !inView(state).some(({ direction, sender }) => direction === "outgoing" && sender?.kind === "agent");
}

/** @param {Colleague[]} team @returns {string} */
export function listed(team) {
  const apart = document.documentElement.dir === "rtl" ? (/** @type {string} */ name) => `\u2068${name}\u2069` : String;
  return new Intl.ListFormat(voice.locale, { type: "conjunction" }).format(team.map(({ name }) => apart(name)));
}

/** @param {Colleague} colleague */
function face({ name, avatar }) {
  const element = el("span", {}, initial(name));
  if (avatar) {
    const image = el("img", { src: avatar, alt: "", width: "28", height: "28", referrerpolicy: "no-referrer" });
    image.addEventListener("load", () => element.replaceChildren(image));
  }
  return element;
}
