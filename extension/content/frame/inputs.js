// @ts-check
/**
 * Files picked in file inputs. The input is emptied in the same event, before the page hears of it; later it
 * gets the protected files, and the page the events it missed.
 */

/* exported inputs */
const inputs = (() => {
  /** @typedef {{handle: Handle | null, expectsChange: boolean}} Held */
  /** @type {WeakMap<HTMLInputElement, Held>} */
  const held = new WeakMap();
  /** @type {Set<HTMLInputElement>} */
  const pending = new Set();

  /** @param {unknown} node @returns {node is HTMLInputElement} */
  const isFileInput = (node) => node instanceof HTMLInputElement && node.type === 'file';

  /** @param {HTMLInputElement} input */
  function letGo(input) {
    held.get(input)?.handle?.drop();
    pending.delete(input);
    held.delete(input);
  }

  /** @param {HTMLInputElement} input @param {(File | null)[]} files @param {string[]} paths */
  function fill(input, files, paths) {
    const kept = files.map((file, i) => ({ file, path: paths[i] ?? '' })).filter(({ file }) => file);
    return deliveries.deliver(
      {
        type: 'deliver',
        kind: 'input',
        files: kept.map(({ file }) => /** @type {File} */ (file)),
        paths: kept.map(({ path }) => path),
      },
      () => input,
    );
  }

  /** @param {HTMLInputElement} input @param {File[]} files */
  function hold(input, files) {
    const paths = files.map((file) => file.webkitRelativePath);
    const wasConnected = input.isConnected;
    letGo(input);
    input.value = '';
    /** @type {Held} */
    const mine = { handle: null, expectsChange: true };
    held.set(input, mine);
    pending.add(input);
    // In a shadow root nobody knows of, the `change` that follows is seen on the input itself only.
    watch(input);
    const done = () => {
      pending.delete(input);
      if (held.get(input) === mine) held.delete(input);
    };
    mine.handle = acquisitions.begin({
      files,
      deliver: async (given) => {
        done();
        await fill(input, given, paths);
        return wasConnected && !input.isConnected ? 'gone' : 'given';
      },
      cancel: async () => {
        done();
        await deliveries.deliver({ type: 'cancelled', kind: 'input' }, () => input);
      },
    });
  }

  /** @param {Event} event  `input` or `change` */
  function onPick(event) {
    if (!event.isTrusted) return;
    const [input] = event.composedPath();
    if (!isFileInput(input)) return;
    const before = held.get(input);
    if (event.type === 'change' && before?.expectsChange) {
      before.expectsChange = false;
      event.stopImmediatePropagation();
      return;
    }
    const files = [...(input.files ?? [])];
    if (policies.off() || !files.some(pictures.possible)) {
      letGo(input); // what was chosen before is no longer wanted
      return;
    }
    event.stopImmediatePropagation();
    hold(input, files);
    if (event.type === 'change') /** @type {Held} */ (held.get(input)).expectsChange = false;
  }

  /** @param {HTMLInputElement} input */
  function watch(input) {
    input.addEventListener('input', onPick, true);
    input.addEventListener('change', onPick, true);
  }

  /** A script clicks on something, perhaps a detached input or its label. @param {HTMLElement} node */
  function onScriptClick(node) {
    const label = node.closest('label');
    if (isFileInput(node)) watch(node);
    else if (label && isFileInput(label.control)) watch(label.control);
  }

  /** @param {Event} event */
  function onReset(event) {
    const form = event.composedPath()[0];
    setTimeout(() => {
      // when the listeners have had their say
      if (event.defaultPrevented) return;
      for (const input of pending) if (input.form === form) letGo(input);
    });
  }

  roots.onEverywhere('input', onPick);
  roots.onEverywhere('change', onPick);
  roots.onEverywhere('reset', onReset);
  pageWorld.onNode('click', onScriptClick);

  return { isFileInput, fill };
})();
