// @ts-check
/**
 * The private line to the scripts in the page's world (page/channel.js).
 *
 * Scripts of this folder share one global scope, which the page cannot see. Each file adds one name to it.
 */

/* exported pageWorld */
const pageWorld = (() => {
  /** @type {MessagePort | null} */
  let port = null;
  let secret = '';
  /** @type {Record<string, (letter: any) => void>} */
  const readers = {};
  /** @type {Record<string, (node: HTMLElement) => void>} */
  const watchers = {};
  /** Which node an acquisition belongs to. @type {(id: string) => HTMLElement | null} */
  let lookUp = () => null;

  /** @param {Event} event */
  function shown(event) {
    const { submitter } = /** @type {SubmitEvent} */ (event);
    if (submitter) watchers[event.type.slice(secret.length + 1)]?.(submitter);
  }

  /** @param {Event} event */
  function asked(event) {
    const node = lookUp(/** @type {CustomEvent<string>} */ (event).detail);
    window.dispatchEvent(new SubmitEvent(`${secret}:node`, { submitter: node }));
  }

  /** `document.open()` takes every listener off the window, ours too; see roots.js. */
  function listen() {
    if (!secret) return;
    window.addEventListener(`${secret}:click`, shown, true);
    window.addEventListener(`${secret}:shadow`, shown, true);
    window.addEventListener(`${secret}:ask`, asked, true);
  }

  /** @param {Event} event */
  function take(event) {
    window.removeEventListener('ermask:port', take, true);
    event.stopImmediatePropagation();
    event.preventDefault();
    const { data, ports } = /** @type {MessageEvent} */ (event);
    secret = data;
    port = ports[0];
    port.onmessage = (message) => readers[message.data.type]?.(message.data);
    listen();
  }

  window.addEventListener('ermask:port', take, true);
  window.dispatchEvent(new Event('ermask:hello'));

  return {
    listen,

    /** @param {{type: string, [entry: string]: any}} letter @returns {boolean} whether the other side is there */
    send: (letter) => {
      port?.postMessage(letter);
      return port !== null;
    },

    /** @param {string} type @param {(letter: any) => void} reader */
    on: (type, reader) => { readers[type] = reader; },

    /** @param {'click' | 'shadow'} what @param {(node: HTMLElement) => void} watcher */
    onNode: (what, watcher) => { watchers[what] = watcher; },

    /** @param {(id: string) => HTMLElement | null} finder */
    findNodesWith: (finder) => { lookUp = finder; },
  };
})();
