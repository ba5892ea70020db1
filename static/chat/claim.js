/**
 * What a site says of who sits here. It is proven by the server alone; here it is only told apart from another one.
 * @typedef {{identity_token: string} | {identifier: string, identifier_hash: string}} Claim
 */

const PASSING = new Set(["exp", "iat", "nbf", "jti"]);
const MAX_TOKEN = 4_096;

/** @param {any} told by the page around us: `{token}`, or `{identifier, identifier_hash}` @returns {Claim|null} */
export function claimOf(told) {
  const token = told?.token ?? told?.identity_token;
  if (typeof token === "string") return token && token.length <= MAX_TOKEN ? { identity_token: token } : null;
  const { identifier, identifier_hash } = told ?? {};
  if (typeof identifier !== "string" && typeof identifier !== "number") return null;
  return typeof identifier_hash === "string" ? { identifier: String(identifier), identifier_hash } : null;
}

/** @param {Claim} claim @returns {string} one for each person; empty for what cannot be read */
export function whoOf(claim) {
  const who = "identifier" in claim ? claim.identifier : claims(claim.identity_token)["sub"];
  return who === undefined ? "" : digest(String(who));
}

/** @param {Claim} claim @returns {string} the same for two that say the same of the same person */
export function gistOf(claim) {
  if ("identifier" in claim) return JSON.stringify([claim.identifier, claim.identifier_hash]);
  const lasting = Object.entries(claims(claim.identity_token)).filter(([name]) => !PASSING.has(name));
  return lasting.length ? JSON.stringify(lasting.sort()) : claim.identity_token;
}

/** @param {string} token @returns {Record<string, unknown>} */
function claims(token) {
  try {
    const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (char) => char.charCodeAt(0));
    const value = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Short and one way, so that no address or number of a person lies in storage. @param {string} text */
function digest(text) {
  let [one, other] = [0xdeadbeef, 0x41c6ce57];
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    one = Math.imul(one ^ code, 2_654_435_761);
    other = Math.imul(other ^ code, 1_597_334_677);
  }
  return (one >>> 0).toString(36) + (other >>> 0).toString(36);
}
