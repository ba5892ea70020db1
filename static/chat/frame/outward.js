/**
 * Tells the page around us what happens in the chat: what is said, and when somebody begins or leaves.
 *
 * @import { Change, ChatClient } from "../client.js"
 * @import { Host } from "./host.js"
 */
export class Outward {
  /**
   * @param {{client: ChatClient, host: Host, messages: () => Promise<Pick<import("./app.js").Messages, "tell">>}} options
   */
  constructor({ client, host, messages }) {
    this.client = client;
    this.host = host;
    this.messages = messages;
  }

  start() {
    if (!this.host.embedded) return;
    this.client.on("change", (change) => this.#changed(change));
    this.client.on("expired", () => this.host.happened("expired"));
    this.client.on("person", () => this.client.session.begun || this.host.tell({ type: "forget" }));
  }

  /** @param {Change} change */
  #changed(change) {
    const { state, before } = change;
    if (before.loaded && state.messages !== before.messages) void this.messages().then(({ tell }) => tell(change, this.host));
  }
}
