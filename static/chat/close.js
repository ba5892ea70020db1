/**
 * Every close code of the socket and what the client does about it; mirrors `chat/wire/close.py`.
 *
 * stop: never again by itself · refresh: drop the access token, then reconnect · at once · after a pause: the
 * doubling back-off · with jitter: somewhere in the next seconds, however short the outage.
 * @typedef {"stop"|"refresh"|"at once"|"after a pause"|"with jitter"} Policy
 */

/** @type {Readonly<Record<string, {code: number, policy: Policy}>>} */
export const CLOSE = Object.freeze({
  RESTART: { code: 1012, policy: "with jitter" },
  BAD_FRAME: { code: 4400, policy: "stop" },
  UNKNOWN_TOKEN: { code: 4401, policy: "refresh" },
  FOREIGN_ORIGIN: { code: 4403, policy: "stop" },
  NO_SUCH_INBOX: { code: 4404, policy: "stop" },
  AUTH_TIMEOUT: { code: 4408, policy: "after a pause" },
  SLOW: { code: 4409, policy: "at once" },
  TOO_BIG: { code: 4413, policy: "stop" },
  BLOCKED: { code: 4423, policy: "stop" },
  TOO_FAST: { code: 4429, policy: "after a pause" },
  FAULT: { code: 4500, policy: "after a pause" },
});

/**
 * @param {number} code
 * @returns {Policy} After a pause for every code we do not know: a lost network, a proxy's own close.
 */
export function policyOf(code) {
  return Object.values(CLOSE).find((close) => close.code === code)?.policy ?? "after a pause";
}
