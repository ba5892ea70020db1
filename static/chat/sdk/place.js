/**
 * Keeps an element in the page whatever its scripts do: bodies are swapped, roots replaced, targets rendered anew. A
 * launcher hangs beside the body and so outlives its swaps, with the frame and what is typed there.
 */
const MOST = 999; // A page that always throws us out shall not be fought for ever.

export class Place {
  #left = MOST;
  #observer = new MutationObserver(() => this.#put());
  #host;
  #target;
  #placed;

  /** @param {HTMLElement} host @param {string|false|undefined} target a selector; none: beside the body @param {() => void} placed */
  constructor(host, target, placed) {
    this.#host = host;
    this.#target = target;
    this.#placed = placed;
    this.#put();
  }

  #put() {
    const root = document.documentElement;
    if (this.#host.isConnected || !root || !this.#left) return;
    const spot = this.#target ? document.querySelector(this.#target) : root;
    for (const node of [document, root]) this.#observer.observe(node, { childList: true, subtree: !!this.#target });
    if (!spot) return;
    this.#left -= 1;
    spot.append(this.#host);
    this.#placed();
  }

  leave() {
    this.#observer.disconnect();
    this.#host.remove();
  }
}
