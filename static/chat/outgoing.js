/**
 * What was written and the server does not show yet, as pure functions of the state.
 *
 * @import { State, Unsent } from "./state.js"
 */

/** @param {State} state @param {Unsent[]} incoming @returns {Unsent[]} */
export function merged(state, incoming) {
  const echoes = new Set([...state.messages.values()].map((message) => message.echo_id));
  for (const unsent of state.unsent) echoes.add(unsent.echo_id);
  return [...state.unsent, ...incoming.filter((unsent) => !echoes.has(unsent.echo_id))].sort((a, b) => a.at - b.at);
}

/** @param {State} state @param {string} echoId @param {(unsent: Unsent) => Unsent} change @returns {State} */
export function changed(state, echoId, change) {
  return { ...state, unsent: state.unsent.map((unsent) => (unsent.echo_id === echoId ? change(unsent) : unsent)) };
}

/** @param {State} state @param {string} key @param {(unsent: Unsent) => Unsent} change @returns {State} */
export function withFile(state, key, change) {
  const unsent = state.unsent.find(({ files }) => files?.some((file) => file.key === key));
  return unsent ? changed(state, unsent.echo_id, change) : state;
}

/** @param {State} state @param {string} contact who has signed in @returns {State} */
export function owned(state, contact) {
  if (state.unsent.every(({ owner }) => owner === contact)) return state;
  return { ...state, unsent: state.unsent.filter((unsent) => isOf(unsent, contact)).map((unsent) => ({ ...unsent, owner: contact })) };
}

/** @param {Unsent} unsent @param {string|null} contact @returns {boolean} whether that person may send and see it */
export function isOf({ owner }, contact) {
  return !owner || owner === contact;
}

/** Where its conversation is gone, into the current one. @param {Unsent} unsent @returns {Unsent} */
export function retried(unsent) {
  const again = { ...unsent, refused: null };
  if (unsent.refused?.code === "no_such_file") return bare(again);
  return unsent.refused?.code === "no_such_conversation" ? homeless(again) : again;
}

/** @param {Unsent} unsent @returns {Unsent} */
export function homeless(unsent) {
  return { ...unsent, conversation: null };
}

/** Its files are not the server's any more. @param {Unsent} unsent @returns {Unsent} */
export function bare(unsent) {
  return unsent.files ? { ...unsent, files: unsent.files.map((file) => ({ ...file, id: null })) } : unsent;
}
