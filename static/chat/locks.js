/**
 * Locks between the tabs of one browser. Where there are none (plain http, old browsers, blocked site data) the work is
 * done at once and told that it is not alone: it has to take care of itself then.
 * @typedef {(name: string, work: (alone: boolean) => Promise<any>, patienceMs?: number) => Promise<any>} Locked
 *   After `patienceMs` the work is done without the lock: a tab that sleeps may hold it for hours.
 */

/** @param {() => LockManager|undefined} find @returns {Locked} */
export function lockedBy(find) {
  return async (name, work, patienceMs) => {
    const locks = find();
    if (!locks) return work(false);
    const controller = new AbortController();
    const timer = patienceMs === undefined ? 0 : setTimeout(() => controller.abort(), patienceMs);
    let granted = false;
    try {
      return await locks.request(name, { signal: controller.signal }, () => {
        granted = true;
        return work(true);
      });
    } catch (error) {
      if (granted) throw error;
      return work(false); // A lock that cannot be had is a lock that does not exist.
    } finally {
      clearTimeout(timer);
    }
  };
}

export const locked = lockedBy(() => globalThis.navigator?.locks);
