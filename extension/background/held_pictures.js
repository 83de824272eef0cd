// @ts-check
/**
 * Pictures that are in their own address (`data:`) are too long for the address of a page of ours, and
 * browsers would keep them in their history. They wait here, under a short address that means something to
 * `pictures.js` only.
 *
 * @module
 */

const SCHEME = 'held:';
const PREFIX = 'picture:';
const LONGEST = 2000;

/**
 * @param {string} url
 * @returns {Promise<string>} an address short enough to be part of another
 */
export async function hold(url) {
  if (url.length <= LONGEST || !url.startsWith('data:')) return url;
  const id = crypto.randomUUID();
  const all = await chrome.storage.session.get(null);
  const others = Object.keys(all).filter((name) => name.startsWith(PREFIX));
  // one at a time: the restore page has long taken what was held before, and the room is small
  await chrome.storage.session.remove(others);
  await chrome.storage.session.set({ [PREFIX + id]: url });
  return SCHEME + id;
}

/**
 * The address that is meant: itself, unless it is one of ours.
 * @param {string} url
 * @returns {Promise<string | null>} null for a picture that is not held any more
 */
export async function held(url) {
  if (!url.startsWith(SCHEME)) return url;
  const name = PREFIX + url.slice(SCHEME.length);
  return /** @type {string | undefined} */ ((await chrome.storage.session.get(name))[name]) ?? null;
}
