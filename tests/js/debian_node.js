/** What browsers and newer Nodes have and Debian 12's Node 18 lacks; loaded before the tests. */

import { File } from "node:buffer";
import { webcrypto } from "node:crypto";

/** @type {Record<string, unknown>} */
const here = /** @type {any} */ (globalThis);
here.crypto ??= webcrypto;
here.File ??= File;

/** @type {Record<string, unknown>} */
const arrays = /** @type {any} */ (Array.prototype);
arrays.toReversed ??= function () {
  return [.../** @type {unknown[]} */ (/** @type {unknown} */ (this))].reverse();
};
arrays.toSorted ??= function (/** @type {(one: unknown, other: unknown) => number} */ compare) {
  return [.../** @type {unknown[]} */ (/** @type {unknown} */ (this))].sort(compare);
};
