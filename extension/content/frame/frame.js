// @ts-check
/** The entry: what the background tells this frame, and what the page's world reports. */

(() => {
  /** @typedef {import('../../shared/messages.js').ToFrame} ToFrame */

  /** @param {ToFrame} message @returns {Promise<unknown> | undefined} undefined: not for us */
  function onMessage(message) {
    switch (message.type) {
      case 'policy-changed':
        policies.set(message.policy);
        return undefined;
      case 'read-picture':
        return reading.read(message.url).then((photo) => ({ photo }));
      case 'show-restored':
        return restored.show(message.url, message.photo).then((shown) => ({ shown }));
      case 'chip-view':
        stage.showFor(message);
        return Promise.resolve({ shown: true });
      case 'chip-pictures':
        return stage.compareFor(message).then(() => null);
      case 'unseen':
        unseen.add(message);
        return Promise.resolve({ shown: true });
      case 'chip-press':
        return stage.press(message.id, message.action, message.index).then(() => null);
      default:
        return undefined;
    }
  }

  chrome.runtime.onMessage.addListener((message, _sender, sendResponse) => {
    const answer = onMessage(message);
    void answer?.then(sendResponse, () => sendResponse(null));
    return answer !== undefined;
  });

  pageWorld.on('unseen', unseen.report);

  addEventListener('pageshow', ({ persisted }) => void (persisted && policies.renew()));

  roots.start();
  void policies.known();
})();
