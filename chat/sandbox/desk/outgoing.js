/**
 * What the agent sends, in the order it was written: one request at a time per conversation.
 * A draft stands in the thread until Chatwoot's row replaces it, by the answer or by the echo on the cable.
 */
export class Outgoing {
  #api;
  #state;
  #dispatch;
  #newId;
  #now;
  #lanes = new Map();

  constructor({ api, state, dispatch, newId = () => crypto.randomUUID(), now = () => Date.now() }) {
    this.#api = api;
    this.#state = state;
    this.#dispatch = dispatch;
    this.#newId = newId;
    this.#now = now;
  }

  /** `fields` as Chatwoot takes them: content, private, content_type, content_attributes, files. */
  send(conversationId, fields) {
    const draft = { echo_id: this.#newId(), conversation_id: conversationId, fields, at: this.#now(), reason: null };
    return this.#queue(draft);
  }

  /** Send a draft again that was refused or got no answer. */
  retry(draft) {
    return this.#queue({ ...draft, reason: null });
  }

  discard(draft) {
    this.#dispatch({ type: "discarded", echo_id: draft.echo_id });
  }

  #queue(draft) {
    this.#dispatch({ type: "sending", draft });
    const lane = this.#lanes.get(draft.conversation_id) ?? Promise.resolve();
    const sent = lane.then(() => this.#post(draft));
    this.#lanes.set(draft.conversation_id, sent);
    return sent;
  }

  async #post({ echo_id, conversation_id, fields }) {
    const asked = this.#state().tick;
    try {
      const row = await this.#api.createMessage(conversation_id, { ...fields, echo_id });
      this.#dispatch({ type: "sent", echo_id, row, asked });
    } catch (error) {
      this.#dispatch({ type: "unsent", echo_id, reason: error.message });
    }
  }
}
