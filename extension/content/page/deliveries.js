// @ts-check
/**
 * The page gets its files here, and sees the events it would have seen. The frame script decides what and
 * when; it is done in the page's world because of the DataTransfers: Firefox hides the content of one that an
 * extension made.
 */

(() => {
  'use strict';

  const page = /** @type {Page} */ (Reflect.get(globalThis, 'ermaskPage'));
  const { channel, dispatch, known, make, quietly, transfers, weakSet } = page;
  const filesOf = page.getter(DataTransfer.prototype, 'files');
  const setFiles = page.setter(HTMLInputElement.prototype, 'files');
  const clipboardData = page.getter(ClipboardEvent.prototype, 'clipboardData');
  const itemsOf = page.getter(DataTransfer.prototype, 'items');
  const sizeOf = page.getter(DataTransferItemList.prototype, 'length');

  /** @param {any} more */
  const init = (more) => ({ __proto__: null, bubbles: true, cancelable: true, composed: true, ...more });

  /** @param {any} letter */
  function remember(letter) {
    for (let i = 0; i < letter.files.length; i += 1) {
      weakSet.add(known, letter.files[i]);
      const path = letter.paths[i];
      if (path) quietly(() => transfers.place(letter.files[i], path), undefined);
    }
  }

  /** @param {any} node @param {any} letter */
  function intoInput(node, letter) {
    setFiles(node, filesOf(transfers.load(letter)));
    dispatch(node, new make.Event('input', init({ cancelable: false })));
    dispatch(node, new make.Event('change', init({ cancelable: false, composed: false })));
    return true;
  }

  /** @param {any} node @param {any} letter @param {string} type */
  function drag(node, letter, type) {
    const dataTransfer = transfers.load(letter);
    return !dispatch(node, new make.DragEvent(type, init({ view: window, ...letter.mouse, dataTransfer })));
  }

  /** @param {any} node @param {any} letter */
  function paste(node, letter) {
    const transfer = transfers.load(letter);
    const event = new make.ClipboardEvent('paste', init({ clipboardData: transfer }));
    // Firefox copies the texts of the transfer, but not its files.
    if (sizeOf(itemsOf(clipboardData(event))) !== sizeOf(itemsOf(transfer))) {
      page.put(event, 'clipboardData', transfer);
    }
    return !dispatch(node, event);
  }

  /** @param {any} node @param {any} letter */
  function beforeInput(node, letter) {
    const dataTransfer = transfers.load(letter);
    return !dispatch(
      node,
      new make.InputEvent('beforeinput', init({ inputType: letter.inputType, dataTransfer })),
    );
  }

  channel.on('deliver', (/** @type {any} */ letter) => {
    remember(letter);
    let node = channel.nodeOf(letter.id);
    let prevented = true;
    quietly(() => {
      if (letter.kind === 'input') prevented = intoInput(node, letter);
      if (letter.kind === 'paste') prevented = paste(node, letter);
      if (letter.kind === 'beforeinput') prevented = beforeInput(node, letter);
      if (letter.kind !== 'drop') return;
      if (letter.stale) {
        // The drop zone went away meanwhile, as overlays do that show during a drag: bring it back first.
        drag(node, letter, 'dragenter');
        drag(node, letter, 'dragover');
        node = channel.nodeOf(letter.id);
      }
      prevented = drag(node, letter, 'drop');
    }, undefined);
    channel.send({ type: 'delivered', id: letter.id, prevented });
  });

  channel.on('cancelled', (/** @type {any} */ letter) => {
    const node = channel.nodeOf(letter.id);
    if (letter.kind === 'input')
      dispatch(node, new make.Event('cancel', init({ cancelable: false, composed: false })));
    if (letter.kind === 'drop') drag(node, letter, 'dragleave');
    channel.send({ type: 'delivered', id: letter.id, prevented: true });
  });
})();
