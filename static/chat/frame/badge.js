/**
 * Keeps the launcher's badge true behind a chat that is not open, without a socket: it is looked up when the page
 * begins and when somebody looks at that page again. Tabs that have a socket tell the others, by an event of storage
 * that leaves nothing in it (an open BroadcastChannel would keep the page around us out of the browser's back cache).
 *
 * @import { ChatClient } from "../client.js"
 * @import { Host } from "./host.js"
 */
import { unread } from "../selectors.js";

const PAUSE_MS = 5_000;
const UNREAD = "unread";

export class Badge {
  #isOn = false;
  #isResting = false;
  #isDue = false;
  #isMissed = false;
  #told = -1;

  /** @param {{client: ChatClient, host: Pick<Host, "happened">, visible?: () => boolean}} options */
  constructor({ client, host, visible = () => document.visibilityState === "visible" }) {
    this.client = client;
    this.host = host;
    this.visible = visible;
    client.on("change", () => this.#tell());
  }

  /** It is known who sits here. */
  begin() {
    this.#isOn = true;
    this.#isResting = true;
    this.#isDue = false;
    void this.client.glance().then((is) => (this.#isMissed = !is));
    this.client.clock.after(PAUSE_MS, () => {
      this.#isResting = false;
      if (this.#isDue) this.look();
    });
  }

  /** The page is looked at, or the network is back. */
  look() {
    if (!this.#isOn || !(this.#isMissed || this.visible())) return;
    if (this.#isResting) this.#isDue = true;
    else this.begin();
  }

  /** What another tab wrote to storage. @param {string|null} key @param {string|null} value */
  heard(key, value) {
    const { storage, connection, session } = this.client;
    if (key !== storage.prefix + UNREAD || value === null) return;
    if (this.#isOn && connection.phase === "idle" && session.begun) this.host.happened("unread", Number(value));
  }

  #tell() {
    const { storage, connection, state } = this.client;
    const count = unread(state).length;
    if (connection.phase !== "online" || count === this.#told) return;
    this.#told = count;
    storage.set(UNREAD, count);
    storage.remove(UNREAD);
  }
}
