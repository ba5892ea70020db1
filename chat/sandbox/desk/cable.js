/**
 * One agent's subscription to Chatwoot's cable (contract §3), dialled again for ever.
 *
 * A line can lie in three ways, each with its own deadline: no frame at all (the server pings every 3 s), no
 * confirmation (an unknown token is answered by silence), and no answer to `update_presence` (pings, but deaf).
 * Whoever listens reads everything again at each `confirmed`: the cable replays nothing.
 */

const SILENCE_MS = 9_000;
const CONFIRM_MS = 5_000;
const PRESENCE_EVERY_MS = 15_000; // Chatwoot forgets a presence after 20 s
const PRESENCE_ANSWER_MS = 8_000;
const HEALTHY_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

export const systemClock = {
  now: () => Date.now(),
  after: (ms, call) => setTimeout(call, ms),
  cancel: (timer) => clearTimeout(timer),
};

/** The pause before dial number `attempt` (0 first): full jitter below a doubling ceiling. */
export function pauseMs(attempt, random) {
  return random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
}

export class Cable {
  #open;
  #identifier;
  #onConfirmed;
  #onEvent;
  #onLost;
  #clock;
  #random;
  #timers = new Map();
  #socket = null;
  #attempt = 0;
  #confirmedAt = null;

  /**
   * `open()` returns a WebSocket; `identifier` is the subscription's exact text.
   * Listeners: `onConfirmed()`, `onEvent(name, data)`, `onLost()`.
   */
  constructor({ open, identifier, onConfirmed, onEvent, onLost, clock = systemClock, random = Math.random }) {
    this.#open = open;
    this.#identifier = identifier;
    this.#onConfirmed = onConfirmed;
    this.#onEvent = onEvent;
    this.#onLost = onLost;
    this.#clock = clock;
    this.#random = random;
  }

  start() {
    this.#dial();
  }

  stop() {
    this.#hangUp();
  }

  /** Dial now instead of at the end of the pause. */
  hurry() {
    if (this.#timers.has("dial")) this.#dial();
  }

  #dial() {
    this.#hangUp();
    const socket = this.#open();
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => this.#lose();
    this.#after("silence", SILENCE_MS, () => this.#lose());
  }

  #receive(frame) {
    this.#after("silence", SILENCE_MS, () => this.#lose());
    if (frame.type === "welcome") this.#subscribe();
    else if (frame.type === "disconnect") this.#lose();
    else if (frame.identifier !== this.#identifier) return;
    else if (frame.type === "confirm_subscription") this.#confirm();
    else if (frame.message) this.#pass(frame.message);
  }

  #subscribe() {
    this.#send({ command: "subscribe", identifier: this.#identifier });
    this.#after("confirm", CONFIRM_MS, () => this.#lose());
  }

  #confirm() {
    this.#cancel("confirm");
    this.#confirmedAt = this.#clock.now();
    this.#present();
    this.#onConfirmed();
  }

  #pass({ event, data }) {
    if (event === "presence.update") this.#cancel("answer");
    this.#onEvent(event, data);
  }

  #present() {
    this.#send({
      command: "message",
      identifier: this.#identifier,
      data: JSON.stringify({ action: "update_presence" }),
    });
    this.#after("answer", PRESENCE_ANSWER_MS, () => this.#lose());
    this.#after("presence", PRESENCE_EVERY_MS, () => this.#present());
  }

  #lose() {
    const healthy = this.#confirmedAt !== null && this.#clock.now() - this.#confirmedAt >= HEALTHY_MS;
    if (healthy) this.#attempt = 0;
    this.#hangUp();
    this.#onLost();
    this.#after("dial", pauseMs(this.#attempt, this.#random), () => this.#dial());
    this.#attempt += 1;
  }

  #hangUp() {
    for (const name of [...this.#timers.keys()]) this.#cancel(name);
    this.#confirmedAt = null;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #send(command) {
    this.#socket.send(JSON.stringify(command));
  }

  #after(name, ms, call) {
    this.#cancel(name);
    this.#timers.set(
      name,
      this.#clock.after(ms, () => {
        this.#timers.delete(name);
        call();
      }),
    );
  }

  #cancel(name) {
    this.#clock.cancel(this.#timers.get(name));
    this.#timers.delete(name);
  }
}
