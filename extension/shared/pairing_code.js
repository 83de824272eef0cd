// @ts-check
/**
 * The code that `ermask-daemon pair` shows, as people type it: eight symbols of Crockford's base32, in any case,
 * with spaces or hyphens anywhere, with the letters that are easily confused.
 *
 * @module
 */

export const LENGTH = 8;

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LOOKALIKES = /** @type {Record<string, string>} */ ({ O: '0', I: '1', L: '1' });

/**
 * The symbols typed so far, canonical; whatever cannot belong to a code is left out.
 * @param {string} typed
 */
export function symbols(typed) {
  return [...typed.toUpperCase()]
    .map((each) => LOOKALIKES[each] ?? each)
    .filter((each) => ALPHABET.includes(each))
    .join('')
    .slice(0, LENGTH);
}

/**
 * As the terminal shows it: `7K3P-Q9XD`.
 * @param {string} typed
 */
export function grouped(typed) {
  const found = symbols(typed);
  return found.length > 4 ? `${found.slice(0, 4)}-${found.slice(4)}` : found;
}

/** @param {string} typed */
export function isComplete(typed) {
  return symbols(typed).length === LENGTH;
}

/**
 * What has to be said about a typed text: which symbol cannot be in a code, if any.
 * @param {string} typed
 */
export function stranger(typed) {
  const found = [...typed.toUpperCase()].find((each) => !/[\s-]/u.test(each) && !symbols(each));
  return found ?? null;
}
