/** How a call may end that is not answered as one hoped; the class says what to do next. */

/** There is no session (any more): the visitor is a newcomer. */
export class SessionGone extends Error {}
/** No such inbox, or it may not be used from here: asking again would not help. */
export class Closed extends Error {}
/** Understood and not done. `code` is the server's; asking the same again would not help. */
export class Refused extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
/** No answer, or one that says "later". */
export class Unavailable extends Error {
  /** @param {string} message @param {number} [afterMs] not before the server wants us again */
  constructor(message, afterMs = 0) {
    super(message);
    this.afterMs = afterMs;
  }
}

const REFUSED = new Set([400, 409, 413, 415, 422]);

/** @param {unknown} what an answer that is no success, or why there is none @returns {Promise<Error>} */
export async function failed(what) {
  if (what instanceof SessionGone || what instanceof Closed || what instanceof Refused || what instanceof Unavailable) return what;
  const { status, headers } = /** @type {Response} */ (what);
  if (!status) return new Unavailable(String(what));
  if (status === 401) return new SessionGone();
  if (status === 403 || status === 404) return new Closed();
  if (REFUSED.has(status)) return refused(/** @type {Response} */ (what));
  const seconds = Number(headers.get("Retry-After"));
  return new Unavailable(`answered ${status}`, seconds > 0 ? seconds * 1_000 : 0);
}

/** @param {Response} answer */
async function refused(answer) {
  const { code, message } = (await answer.json().catch(() => null))?.error ?? {};
  return new Refused(String(code ?? "bad_request"), String(message ?? `Answered ${answer.status}.`));
}
