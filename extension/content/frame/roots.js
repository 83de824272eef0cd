// @ts-check
/**
 * Where the listeners sit: on the window, in the capture phase, before any of the page's; and in shadow
 * roots, because `change` does not leave them.
 */

/* exported roots */
const roots = (() => {
  /** @type {[string, (event: any) => void][]} */
  const everywhere = [];
  /** @type {[string, (event: any) => void][]} */
  const onWindow = [];
  const api = /** @type {any} */ (globalThis);

  /**
   * The element's shadow root, though it may be closed.
   * @param {unknown} element
   * @returns {ShadowRoot | null}
   */
  function shadowOf(element) {
    if (!(element instanceof HTMLElement)) return null;
    const root = api.chrome?.dom?.openOrClosedShadowRoot
      ? api.chrome.dom.openOrClosedShadowRoot(element)
      : /** @type {any} */ (element).openOrClosedShadowRoot;
    return root ?? null;
  }

  /** @param {EventTarget} target @param {[string, (event: any) => void][]} listeners */
  const add = (target, listeners) => {
    for (const [type, listener] of listeners) target.addEventListener(type, listener, { capture: true });
  };

  /** Listen in a shadow root; doing so twice changes nothing. @param {ShadowRoot} root */
  const arm = (root) => add(root, everywhere);

  /**
   * The innermost element of an event, through closed roots; each root on the way is listened to from then
   * on.
   * @param {Event} event @returns {EventTarget | null}
   */
  function innermost(event) {
    let at = event.composedPath()[0] ?? null;
    for (let root = shadowOf(at); root; root = shadowOf(at)) {
      arm(root);
      const inner =
        event instanceof MouseEvent && event.type !== 'click'
          ? root.elementFromPoint(event.clientX, event.clientY)
          : (root.activeElement ??
            (event instanceof MouseEvent ? root.elementFromPoint(event.clientX, event.clientY) : null));
      if (!inner || inner === at || inner.getRootNode() !== root) break;
      at = inner;
    }
    return at;
  }

  /** Roots that came with the markup are found when the user touches them. @param {Event} event */
  function discover(event) {
    if (event.isTrusted) innermost(event);
  }

  function start() {
    for (const type of ['pointerdown', 'click', 'keydown', 'focusin']) onWindow.push([type, discover]);
    const listen = () => {
      add(window, everywhere);
      add(window, onWindow);
    };
    listen();
    // `document.open()` takes the listeners off the window, and so does the `document.write()` that implies
    // it, of which only the new content tells. Those that are still there are not added twice.
    pageWorld.onNode('opened', listen);
    new MutationObserver(listen).observe(document, { childList: true });
    pageWorld.onNode('shadow', (/** @type {HTMLElement} */ host) => {
      const root = shadowOf(host);
      if (root) arm(root);
    });
  }

  return {
    /** @param {string} type @param {(event: any) => void} listener  on the window and in shadow roots */
    onEverywhere: (type, listener) => {
      everywhere.push([type, listener]);
    },
    /** @param {string} type @param {(event: any) => void} listener */
    onWindow: (type, listener) => {
      onWindow.push([type, listener]);
    },
    innermost,
    shadowOf,
    start,
  };
})();
