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
  /** @type {Record<string, (letter: any) => void>} */
  const readers = {};
  /** @type {Record<string, (node: HTMLElement | null) => void>} */
  const watchers = {};
  /** Which node an acquisition belongs to. @type {(id: string) => HTMLElement | null} */
  let lookUp = () => null;

  /** @param {Event} event */
  const nodeIn = (event) => /** @type {SubmitEvent} */ (event).submitter;

  /** @param {Event} event */
  function takeMailbox(event) {
    const mailbox = /** @type {HTMLElement} */ (nodeIn(event));
    for (const what of ['click', 'shadow', 'opened']) {
      mailbox.addEventListener(what, (told) => watchers[what]?.(nodeIn(told)));
    }
    mailbox.addEventListener('ask', (asked) => {
      const node = lookUp(/** @type {CustomEvent<string>} */ (asked).detail);
      mailbox.dispatchEvent(new SubmitEvent('node', { submitter: node }));
    });
  }

  /** @param {Event} event */
  function takePort(event) {
    window.removeEventListener('ermask:port', takePort, true);
    window.addEventListener('ermask:mailbox', takeMailbox, { once: true, capture: true });
    event.preventDefault();
    [port] = /** @type {MessageEvent} */ (event).ports;
    port.onmessage = (message) => readers[message.data.type]?.(message.data);
  }

  window.addEventListener('ermask:port', takePort, true);
  window.dispatchEvent(new Event('ermask:hello'));

  return {
    /**
     * @param {{type: string, [entry: string]: any}} letter
     * @returns {boolean} whether the other side is there
     */
    send: (letter) => {
      port?.postMessage(letter);
      return port !== null;
    },

    /** @param {string} type @param {(letter: any) => void} reader */
    on: (type, reader) => {
      readers[type] = reader;
    },

    /** @param {'click' | 'shadow' | 'opened'} what @param {(node: any) => void} watcher */
    onNode: (what, watcher) => {
      watchers[what] = watcher;
    },

    /** @param {(id: string) => HTMLElement | null} finder */
    findNodesWith: (finder) => {
      lookUp = finder;
    },
  };
})();
