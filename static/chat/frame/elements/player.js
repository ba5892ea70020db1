/**
 * Sound: play, bar, time.
 * @import { Attachment } from "../../wire.js"
 */
import { icon } from "../icons.js";
import { el, write } from "../nodes.js";
import { words } from "../words.js";
import { clockTime } from "./file-names.js";

const STEPS = 1_000;
/** Only one plays at a time. @type {HTMLAudioElement|null} */
let playing = null;

/**
 * @param {Attachment} file
 * @param {(element: HTMLMediaElement, lost: () => void) => void} load
 * @param {() => HTMLElement} instead what stands here when it cannot be played
 */
export function player({ name }, load, instead) {
  const audio = el("audio", { preload: "metadata" });
  const button = el("button", { type: "button", class: "play", "aria-label": words.media.play }, icon("play"));
  const bar = el("input", { type: "range", min: "0", max: String(STEPS), value: "0", step: "1", "aria-label": words.media.position });
  const time = el("span", { class: "play-time" }, "0:00");
  const box = el("div", { class: "player", role: "group", "aria-label": words.media.audio(name) }, audio, button, bar, time);
  const show = () => {
    const { currentTime, duration } = audio;
    const share = duration > 0 && Number.isFinite(duration) ? currentTime / duration : 0;
    bar.value = String(Math.round(share * STEPS));
    bar.style.setProperty("--share", `${share * 100}%`);
    bar.setAttribute("aria-valuetext", `${clockTime(currentTime)} / ${clockTime(duration)}`);
    write(time, clockTime(audio.paused && !currentTime ? duration : currentTime));
  };
  const turn = () => {
    button.replaceChildren(icon(audio.paused ? "play" : "pause"));
    button.ariaLabel = audio.paused ? words.media.play : words.media.pause;
    show();
  };
  button.addEventListener("click", () => {
    if (!audio.paused) return audio.pause();
    if (playing && playing !== audio) playing.pause();
    playing = audio;
    audio.play().catch(() => turn()); // Its own error says why.
  });
  bar.addEventListener("input", () => {
    if (Number.isFinite(audio.duration)) audio.currentTime = (Number(bar.value) / STEPS) * audio.duration;
  });
  for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, turn);
  for (const name of ["timeupdate", "loadedmetadata", "durationchange"]) audio.addEventListener(name, show);
  load(audio, () => box.replaceWith(instead()));
  return box;
}
