/** Keeps a growing page where its reader is: at the end while they are at the end, still while they are not. */
const NEAR_END_PX = 48;
const NEAR_TOP_PX = 240;

export class Scroll {
  /** @returns {boolean} whether the reader is at the end */
  stuck = true;
  #observer = new ResizeObserver(() => this.#resized());

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} page its only child
   * @param {{atTop: () => void, moved: () => void}} events
   */
  constructor(scroller, page, events) {
    this.scroller = scroller;
    this.page = page;
    this.events = events;
  }

  start() {
    this.scroller.addEventListener("scroll", this.#onScroll, { passive: true });
    this.#observer.observe(this.scroller);
    this.#observer.observe(this.page);
  }

  stop() {
    this.scroller.removeEventListener("scroll", this.#onScroll);
    this.#observer.disconnect();
  }

  toEnd() {
    this.stuck = true;
    this.#resized();
    this.events.moved();
  }

  /**
   * Change the page without moving what is read.
   * @param {() => void} change
   * @param {{toEnd: boolean}} options
   */
  keep(change, { toEnd }) {
    const held = this.#topmost();
    const before = held?.getBoundingClientRect().top ?? 0;
    change();
    if (toEnd) this.stuck = true;
    if (!this.stuck && held?.isConnected) this.scroller.scrollTop += held.getBoundingClientRect().top - before;
    this.#resized();
    if (this.scroller.scrollTop < NEAR_TOP_PX) this.events.atTop();
  }

  /** @returns {Element|null} the first message that begins in view, for one that began above may grow there; else that one */
  #topmost() {
    if (this.stuck) return null;
    const { top, bottom } = this.scroller.getBoundingClientRect();
    const messages = [...this.page.querySelectorAll("chat-message")];
    const at = messages.findIndex((message) => message.getBoundingClientRect().bottom > top);
    const beginning = messages.slice(Math.max(at, 0)).find((message) => message.getBoundingClientRect().top >= top);
    const isInView = beginning !== undefined && beginning.getBoundingClientRect().top < bottom;
    return isInView ? beginning : (messages[at] ?? null);
  }

  #resized() {
    if (this.stuck) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  #onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    const stuck = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    if (stuck !== this.stuck) {
      this.stuck = stuck;
      this.events.moved();
    }
    if (scrollTop < NEAR_TOP_PX) this.events.atTop();
  };
}
