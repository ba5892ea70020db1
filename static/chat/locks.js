/**
 * Locks between the tabs of one browser. Where there are none (plain http, old browsers) everybody is
 * granted at once: what the locks protect is merely cheaper with them, never wrong without.
 * @typedef {(name: string, work: () => Promise<any>) => Promise<any>} Locked
 */

/** @type {Locked} */
export async function locked(name, work) {
  const locks = globalThis.navigator?.locks;
  return locks ? locks.request(name, work) : work();
}
