// @ts-check
/**
 * A pairing that is kept in memory, in place of the browser's database.
 *
 * @module
 */

/** @typedef {import('../../../extension/background/pairing.js').Pairing} Pairing */

/** @param {Pairing | null} [pairing] */
export function memoryStore(pairing = null) {
  let kept = pairing;
  return {
    read: async () => kept,
    /** @param {Pairing} next */
    write: async (next) => {
      kept = next;
    },
    clear: async () => {
      kept = null;
    },
  };
}
