/**
 * What somebody who had signed in wrote and could not send before their session ended. It waits, unseen, for them to come
 * back; when anybody else comes, it is gone.
 *
 * @import { Unsent } from "./state.js"
 */
const SIGNED_IN_MS = 24 * 3_600_000; // For so long a session of somebody with a name lives unused.

export class Aside {
  /** @type {Unsent[]} */ kept = [];

  /** @param {Unsent[]} unsent @param {number} now */
  put(unsent, now) {
    this.kept.push(...unsent.filter(({ at, accepted }) => !accepted && at > now - SIGNED_IN_MS));
  }

  /** @param {string|null} contact who has come @returns {Unsent[]} what is theirs; the rest is dropped */
  takenBy(contact) {
    const found = this.kept.filter(({ owner }) => owner === contact);
    this.kept = [];
    return found;
  }
}
