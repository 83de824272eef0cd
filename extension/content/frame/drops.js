// @ts-check
/** Dropped photos. The drop is held, and made again, with the protected ones, where it was meant for. */

(() => {
  let dragsOwn = false;

  /** @param {DragEvent} event */
  const mouseOf = (event) => ({
    clientX: event.clientX,
    clientY: event.clientY,
    screenX: event.screenX,
    screenY: event.screenY,
    ctrlKey: event.ctrlKey,
    altKey: event.altKey,
    shiftKey: event.shiftKey,
    metaKey: event.metaKey,
    button: event.button,
    buttons: event.buttons,
  });

  /** The element at a point, also in shadow roots. @param {number} x @param {number} y */
  function elementAt(x, y) {
    let at = document.elementFromPoint(x, y);
    for (let root = roots.shadowOf(at); root; root = roots.shadowOf(at)) {
      const inner = root.elementFromPoint(x, y);
      if (!inner || inner === at) break;
      at = inner;
    }
    return at;
  }

  /**
   * What the browser does with a drop the page leaves alone, as far as it concerns the page.
   * @param {Element | null} target @param {(File | null)[]} files
   */
  async function byDefault(target, files) {
    const some = /** @type {File[]} */ (files.filter((file) => file));
    if (inputs.isFileInput(target)) {
      if (!target.disabled) await inputs.fill(target, target.multiple ? some : some.slice(0, 1), []);
      return;
    }
    await insertions.insert(target, { files: some, strings: [] });
  }

  /** @param {DragEvent} event */
  async function onDrop(event) {
    if (!event.isTrusted || !event.dataTransfer || policies.off()) return;
    const { items, strings } = flavours.read(event.dataTransfer);
    // Dragged from this page, to this page: it has that picture already. Files of the desktop come without
    // texts.
    if (dragsOwn && strings.length) return;
    if (!items.some((item) => !(item instanceof File) || pictures.possible(item))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const target = /** @type {Element} */ (roots.innermost(event));
    const mouse = mouseOf(event);
    const where = () => (target.isConnected ? target : elementAt(mouse.clientX, mouse.clientY));
    const load = await folders.flatten(items).catch(() => null);
    if (!load) {
      stage.note(words.say('chip_unreadable'));
      await deliveries.deliver({ type: 'cancelled', kind: 'drop', mouse }, where);
      return;
    }
    acquisitions.begin({
      files: load.files,
      strings,
      deliver: async (given, texts) => {
        const cargo = folders.without(load, given);
        const prevented = await deliveries.deliver(
          { type: 'deliver', kind: 'drop', ...cargo, strings: texts, mouse, stale: !target.isConnected },
          where,
        );
        if (!prevented) await byDefault(where(), given);
        return 'given';
      },
      cancel: () => deliveries.deliver({ type: 'cancelled', kind: 'drop', mouse }, where),
    });
  }

  roots.onWindow('drop', onDrop);
  roots.onWindow('dragstart', (event) => {
    if (!event.isTrusted) return;
    dragsOwn = true;
    // There is no `dragend` if the page removes what is dragged; but pointers move only after a drag.
    window.addEventListener(
      'pointermove',
      () => {
        dragsOwn = false;
      },
      { capture: true, once: true },
    );
  });
  roots.onWindow('dragend', () => {
    dragsOwn = false;
  });
})();
