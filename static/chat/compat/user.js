/**
 * What a page says of its user, in Chatwoot's words.
 * @typedef {Record<string, any>} User
 */
const FIELDS = ["avatar_url", "email", "name"];
const MORE = ["company_name", "city", "country_code", "description"];

/** @param {unknown} identifier @param {User} user @returns {import("../chatproxy.js").Claim|null} null: nothing is proven */
export function proofOf(identifier, user) {
  if (typeof identifier !== "string" && typeof identifier !== "number") throw new Error("Identifier should be a string or a number");
  if (!FIELDS.some((name) => user?.[name])) throw new Error(`User object should have one of the keys [${FIELDS.join(",")}]`);
  if (user.identity_token) return { token: user.identity_token };
  return user.identifier_hash ? { identifier, identifier_hash: user.identifier_hash } : null;
}

/** @param {unknown} identifier @param {User} user @param {boolean} isUnproven @returns {Record<string, any>} what agents may read of them */
export function profileOf(identifier, user, isUnproven) {
  const { name, email, phone_number, custom_attributes = {}, social_profiles = {} } = user;
  const told = { name, email, phone: phone_number, ...custom_attributes, ...(isUnproven ? { claimed_identifier: String(identifier) } : {}) };
  for (const key of MORE) if (key in user) told[key] = user[key];
  for (const [site, profile] of Object.entries(social_profiles)) told[`social_${site}`] = profile;
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
}
