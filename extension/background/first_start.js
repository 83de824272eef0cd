// @ts-check
/**
 * Once for each start of the browser or of the extension, rather than each time the background wakes.
 *
 * `storage.session` is emptied when the browser ends and when the extension is updated, reloaded or disabled,
 * so an entry there tells the two apart; after re-enabling, no event does.
 *
 * @module
 */

const NAME = 'started';

/** @type {Promise<boolean> | null} */
let first = null;

async function isFirst() {
  const { [NAME]: started } = await chrome.storage.session.get(NAME);
  await chrome.storage.session.set({ [NAME]: true });
  return !started;
}

/**
 * To be called while the background starts.
 * @param {() => unknown} task
 */
export function onFirstStart(task) {
  first ??= isFirst();
  void first.then((yes) => (yes ? task() : undefined));
}

/** Listening is enough to have the browser start the background, which then finds out by itself. */
export function register() {
  chrome.runtime.onStartup.addListener(() => undefined);
  chrome.runtime.onInstalled.addListener(() => undefined);
}
