/**
 * A voice message: recorded, heard once more, and then sent or thrown away. Nothing leaves the browser before that.
 * @import { ChatComposer } from "../elements/chat-composer.js"
 */
import { icon } from "../icons.js";
import "../later.js";
import { el, write } from "../nodes.js";
import { words } from "../words.js";
import { drawing } from "./drawings.js";

const MOST_MS = 5 * 60_000;
const BITS_PER_S = 32_000;
const TICK_MS = 200;
const TYPES = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"];

/**
 * @param {{composer: ChatComposer, box: HTMLElement, mostBytes: number}} options `box`: what it takes the place of
 * @returns {Promise<File|null>} null: there is none
 */
export async function record({ composer, box, mostBytes }) {
  composer.remark("");
  const stream = await microphone(composer);
  if (!stream) return null;
  const bar = new Bar();
  box.hidden = true;
  box.before(bar.element);
  try {
    const blob = await bar.record(stream, mostBytes);
    stream.getTracks().forEach((track) => track.stop()); // The browser's sign of it goes out.
    if (!blob) return null;
    if (!(await bar.review(blob))) return null;
    const extension = { ogg: "ogg", webm: "weba", mp4: "m4a" }[blob.type.replace(/^audio\/|;.*$/g, "")] ?? "ogg";
    return new File([blob], `${words.recording.name}.${extension}`, { type: blob.type.split(";")[0] });
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    bar.element.remove();
    box.hidden = false;
  }
}

/** @param {ChatComposer} composer */
async function microphone(composer) {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    const refused = error instanceof DOMException && error.name === "NotAllowedError";
    composer.remark(refused ? words.recording.refused : words.recording.none);
    return null;
  }
}

class Bar {
  #discard = button("discard", words.recording.discard, drawing("bin"));
  #stop = button("stop", words.recording.stop, drawing("stop"));
  #play = button("play", words.recording.play, drawing("play"));
  #send = button("send", words.recording.send, icon("send"));
  #time = el("span", { class: "time", role: "timer" });
  #level = el("meter", { min: "0", max: "1", "aria-hidden": "true" });
  #bar = el("progress", { max: "1", value: "0", hidden: true });
  element = el("div", { class: "recording", role: "group", "aria-label": words.recording.label }, this.#discard, el("span", { class: "dot", "aria-hidden": "true" }), this.#play, this.#level, this.#bar, this.#time, this.#stop, this.#send);

  /** @param {MediaStream} stream @param {number} mostBytes @returns {Promise<Blob|null>} null: thrown away */
  async record(stream, mostBytes) {
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: BITS_PER_S });
    const loudness = hearing(stream);
    /** @type {Blob[]} */
    const parts = [];
    let [bytes, kept] = [0, true];
    const since = performance.now();
    const stop = () => recorder.state !== "inactive" && recorder.stop();
    this.#play.hidden = this.#send.hidden = true;
    this.#stop.focus();
    const leave = this.#listen({ discard: () => ((kept = false), stop()), stop });
    const timer = setInterval(() => {
      const ms = performance.now() - since;
      this.#level.value = loudness.level();
      write(this.#time, clock(ms));
      const isSeen = this.element.offsetWidth > 0; // Nobody is listened to behind a closed launcher.
      if (ms >= MOST_MS || bytes > mostBytes * 0.9 || !isSeen) stop();
    }, TICK_MS);
    write(this.#time, clock(0));
    recorder.addEventListener("dataavailable", ({ data }) => ((bytes += data.size), parts.push(data)));
    recorder.start(1_000);
    await new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
    clearInterval(timer);
    loudness.end();
    leave();
    this.length = Math.min(performance.now() - since, MOST_MS);
    return kept && bytes ? new Blob(parts, { type: recorder.mimeType || mimeType }) : null;
  }

  length = 0;

  /** @param {Blob} blob @returns {Promise<boolean>} whether it is to be sent */
  async review(blob) {
    const address = URL.createObjectURL(blob);
    const audio = new Audio(address);
    this.#stop.hidden = this.#level.hidden = true;
    this.#play.hidden = this.#send.hidden = this.#bar.hidden = false;
    this.element.classList.add("reviewing");
    write(this.#time, clock(this.length));
    audio.addEventListener("timeupdate", () => (this.#bar.value = Math.min(1, (audio.currentTime * 1_000) / this.length)));
    audio.addEventListener("ended", () => ((this.#bar.value = 0), this.#playing(false)));
    this.#send.focus();
    try {
      return await new Promise((resolve) => {
        const play = () => (audio.paused ? (void audio.play(), this.#playing(true)) : (audio.pause(), this.#playing(false)));
        this.#listen({ discard: () => resolve(false), send: () => resolve(true), play });
      });
    } finally {
      audio.pause();
      URL.revokeObjectURL(address);
    }
  }

  /** @param {boolean} on */
  #playing(on) {
    this.#play.ariaLabel = on ? words.recording.pause : words.recording.play;
    this.#play.replaceChildren(drawing(on ? "stop" : "play"));
  }

  /** @param {{discard: () => void, stop?: () => void, play?: () => void, send?: () => void}} acts @returns {() => void} */
  #listen({ discard, stop, play, send }) {
    const control = new AbortController();
    const { signal } = control;
    for (const [target, act] of /** @type {const} */ ([[this.#discard, discard], [this.#stop, stop], [this.#play, play], [this.#send, send]])) {
      if (act) target.addEventListener("click", act, { signal });
    }
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), discard()), { signal });
    return () => control.abort();
  }
}

/** @param {string} name @param {string} label @param {Node} child */
function button(name, label, child) {
  return el("button", { type: "button", class: name === "send" ? "send" : `tool ${name}`, "aria-label": label }, child);
}

/** @param {number} ms @returns {string} */
function clock(ms) {
  const seconds = Math.floor(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** How loud it is just now, so that somebody sees that they are heard. @param {MediaStream} stream */
function hearing(stream) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 256;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Uint8Array(analyser.fftSize);
  return {
    level() {
      analyser.getByteTimeDomainData(samples);
      return Math.min(1, Math.max(...samples.map((sample) => Math.abs(sample - 128))) / 64);
    },
    end: () => void context.close(),
  };
}
