// @ts-check
/**
 * The private line to the frame script (frame/channel.js).
 *
 * A MessagePort carries messages. What cannot be cloned, a node, goes over in an event at a detached element
 * that only the two sides know, the mailbox: at once, and also for detached nodes and those in closed shadow
 * roots. Port and mailbox are handed over before any code of the page runs; whoever comes later finds no
 * listener.
 */

/** @typedef {{type: string, [entry: string]: any}} Letter */

(() => {
  'use strict';

  const page = /** @type {Page} */ (Reflect.get(globalThis, 'ermaskPage'));
  const { dispatch, listen, unlisten, make, map, quietly } = page;
  const messageData = page.getter(MessageEvent.prototype, 'data');
  const submitterOf = page.getter(SubmitEvent.prototype, 'submitter');
  const post = page.method(MessagePort.prototype, 'postMessage');
  const { port1: own, port2: theirs } = new MessageChannel();
  const mailbox = document.createElementNS('http://www.w3.org/1999/xhtml', 'div');
  const topics = /** @type {Map<string, ((letter: any) => void)[]>} */ (new Map());
  let count = 0;

  // The frame script takes the port by preventing the event. If it is not there yet it will say hello, once.
  function give() {
    const taken = !dispatch(window, new MessageEvent('ermask:port', { ports: [theirs], cancelable: true }));
    if (taken) dispatch(window, new SubmitEvent('ermask:mailbox', { submitter: mailbox }));
    return taken;
  }
  if (!give()) listen(window, 'ermask:hello', give, { once: true, capture: true });

  own.onmessage = (event) => {
    const letter = messageData(event);
    const readers = map.get(topics, letter.type) ?? [];
    for (let i = 0; i < readers.length; i += 1) quietly(() => readers[i](letter), undefined);
  };

  page.channel = {
    /** @param {Letter} letter */
    send: (letter) => post(own, letter),

    /** @param {string} type @param {(letter: any) => void} reader */
    on: (type, reader) => {
      const readers = map.get(topics, type) ?? [];
      page.append(readers, reader);
      map.set(topics, type, readers);
    },

    id: () => `p${(count += 1)}`,

    /**
     * Show the frame script a node, at once.
     * @param {'click' | 'shadow' | 'opened'} what
     * @param {any} [node]
     */
    announce: (what, node = null) => {
      quietly(() => dispatch(mailbox, new make.SubmitEvent(what, { submitter: node })), false);
    },

    /** Ask the frame script for the node an acquisition belongs to. @param {string} id @returns {any} */
    nodeOf: (id) => {
      /** @type {any} */
      let node = null;
      const take = (/** @type {Event} */ event) => {
        node = submitterOf(event);
      };
      listen(mailbox, 'node', take);
      dispatch(mailbox, new make.CustomEvent('ask', { detail: id }));
      unlisten(mailbox, 'node', take);
      return node;
    },
  };
})();
