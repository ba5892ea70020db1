/**
 * Messages and their files. What uploads is loaded with the first file; a message whose files went away with the page
 * that had them waits for nothing, and is handed back to whoever listens for "stranded".
 *
 * @import { Clock } from "./clock.js"
 * @import { Session } from "./session.js"
 * @import { Event, State, Unsent } from "./state.js"
 * @import { Uploads } from "./uploads.js"
 */

export class Filing {
  /** @type {Uploads|null} */ uploads = null;
  /** @type {Promise<Uploads>|null} */ #loading = null;
  /** @type {Unsent[]} */ #stranded = [];

  /** @param {{session: Session, clock: Clock, random?: () => number, dispatch: (event: Event) => void}} options */
  constructor(options) {
    this.options = options;
  }

  /** @returns {Promise<Uploads>} rejects while the network is away; the next call tries again */
  async load() {
    const { session, clock, random, dispatch } = this.options;
    this.#loading ??= import("./uploads.js").then(({ Uploads }) => {
      return (this.uploads = new Uploads({
        ...{ session, clock, random },
        onUploaded: (key, id) => dispatch({ type: "uploaded", key, id }),
        onFailed: (key, error) => dispatch({ type: "not_uploaded", key, error }),
      }));
    });
    this.#loading.catch(() => (this.#loading = null));
    return this.#loading;
  }

  /** @param {State} state @returns {State} without what nobody here could upload */
  sorted(state) {
    const gone = state.unsent.filter((unsent) => this.#isGone(unsent));
    if (!gone.length) return state;
    this.#stranded.push(...gone);
    return { ...state, unsent: state.unsent.filter((unsent) => !gone.includes(unsent)) };
  }

  get hasStranded() {
    return this.#stranded.length > 0;
  }

  /** @returns {Unsent[]} each only once */
  takeStranded() {
    return this.#stranded.splice(0);
  }

  /** @param {Unsent} unsent */
  #isGone({ refused, files }) {
    return !refused && (files?.some(({ key, id }) => !id && !this.uploads?.get(key)) ?? false);
  }
}
