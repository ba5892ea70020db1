/**
 * What the inbox's help centre says, asked of our server: it needs no session, and nothing of it is kept but in memory.
 *
 * @import { Tree } from "../wire.js"
 * @typedef {{id: string, title: string, description: string}} ArticleLine
 * @typedef {ArticleLine & {text: Tree}} Article
 */
const TIMEOUT_MS = 15_000;
const MOST_KEPT = 50; // answers

export class HelpCentre {
  /** @type {Map<string, Promise<any>>} */ #kept = new Map();
  #newest = 0;

  /** @param {{api: string, inbox: string, locale: string, fetch: typeof globalThis.fetch}} options */
  constructor({ api, inbox, locale, fetch }) {
    this.root = `${api}/inbox/${inbox}/articles`;
    this.locale = locale;
    this.fetch = fetch;
  }

  /** @returns {Promise<ArticleLine[]>} those that are read most */
  async top() {
    return (await this.#get("", {})).articles;
  }

  /** @param {string} query nothing: those that are read most @returns {Promise<ArticleLine[]|null>} null: something else was asked since */
  async search(query) {
    const turn = (this.#newest += 1);
    const wanted = query.trim();
    try {
      const { articles } = await this.#get("", wanted ? { query: wanted } : {});
      return turn === this.#newest ? articles : null;
    } catch (error) {
      if (turn === this.#newest) throw error;
      return null;
    }
  }

  /** @param {string} id @returns {Promise<Article>} */
  async article(id) {
    return this.#get(`/${encodeURIComponent(id)}`, {});
  }

  /** @param {string} path @param {Record<string, string>} said @returns {Promise<any>} */
  #get(path, said) {
    const url = `${this.root}${path}?${new URLSearchParams({ ...said, locale: this.locale })}`;
    const known = this.#kept.get(url);
    if (known) return known;
    const asked = this.#ask(url);
    this.#kept.set(url, asked);
    asked.catch(() => this.#kept.delete(url)); // It may be had the next time.
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest) this.#kept.delete(oldest);
    return asked;
  }

  /** @param {string} url */
  async #ask(url) {
    const answer = await this.fetch.call(globalThis, url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer.json();
  }
}
