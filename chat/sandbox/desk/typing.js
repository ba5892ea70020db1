/** Tells Chatwoot that the agent types: once at the first key, and that it stopped after a while without one. */
import { systemClock } from "./cable.js";

const IDLE_MS = 4_000;

export class Typing {
  #tell;
  #clock;
  #told = null; // {conversationId, isPrivate} while Chatwoot believes that we type
  #timer;

  /** `tell(conversationId, "on" | "off", isPrivate)`; what becomes of it does not matter. */
  constructor({ tell, clock = systemClock }) {
    this.#tell = tell;
    this.#clock = clock;
  }

  key(conversationId, isPrivate) {
    const same = this.#told?.conversationId === conversationId && this.#told.isPrivate === isPrivate;
    if (!same) {
      this.stop();
      this.#told = { conversationId, isPrivate };
      this.#tell(conversationId, "on", isPrivate);
    }
    this.#clock.cancel(this.#timer);
    this.#timer = this.#clock.after(IDLE_MS, () => this.stop());
  }

  stop() {
    this.#clock.cancel(this.#timer);
    if (!this.#told) return;
    const { conversationId, isPrivate } = this.#told;
    this.#told = null;
    this.#tell(conversationId, "off", isPrivate);
  }
}
