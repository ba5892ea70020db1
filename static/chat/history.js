/**
 * Pages of what was said before, one at a time.
 *
 * @import { Seat } from "./seat.js"
 * @import { Session } from "./session.js"
 * @import { Event, State } from "./state.js"
 */
import { olderPage } from "./selectors.js";

export class History {
  #paging = false;

  /** @param {{session: Session, seat: Seat, dispatch: (event: Event) => void}} options */
  constructor({ session, seat, dispatch }) {
    this.session = session;
    this.seat = seat;
    this.dispatch = dispatch;
  }

  /** @param {State} state @returns {Promise<boolean>} false: nothing came */
  async older(state) {
    const page = olderPage(state);
    if (!page || this.#paging) return false;
    this.#paging = true;
    const { contact } = this.seat;
    try {
      const before = page.before ? `?before=${page.before}` : "";
      const answer = await this.session.get(`/conversations/${page.conversation}/messages${before}`);
      if (contact !== this.seat.contact) return false; // Somebody else sits here now, as a socket found out.
      this.dispatch({ type: "older", conversation: page.conversation, ...answer });
      return true;
    } catch {
      return false; // The visitor scrolls again; the socket's own state says what is wrong.
    } finally {
      this.#paging = false;
    }
  }
}
