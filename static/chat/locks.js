/**
 * Locks between the tabs of one browser. Where there are none (plain http, old browsers) everybody is
 * granted at once: what the locks protect is merely cheaper with them, never wrong without.
 * @typedef {(name: string, work: () => Promise<any>, patienceMs?: number) => Promise<any>} Locked
 *   After `patienceMs` the work is done without the lock: a tab that sleeps may hold it for hours.
 */

/** @type {Locked} */
export async function locked(name, work, patienceMs) {
  const locks = globalThis.navigator?.locks;
  if (!locks) return work();
  const controller = new AbortController();
  const timer = patienceMs === undefined ? 0 : setTimeout(() => controller.abort(), patienceMs);
  let granted = false;
  try {
    return await locks.request(name, { signal: controller.signal }, () => {
      granted = true;
      return work();
    });
  } catch (error) {
    if (granted || !controller.signal.aborted) throw error;
    return work();
  } finally {
    clearTimeout(timer);
  }
}
