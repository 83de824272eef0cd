// @ts-check
/** Pasted photos, and those that come with a `beforeinput` event. Held and made again, as drops are. */

(() => {
  /**
   * @param {ClipboardEvent | InputEvent} event
   * @param {DataTransfer | null} transfer
   * @param {{kind: 'paste' | 'beforeinput', inputType?: string}} again
   */
  function hold(event, transfer, again) {
    if (!event.isTrusted || !transfer || policies.off()) return;
    const { items, strings } = flavours.read(transfer);
    const files = /** @type {File[]} */ (items.filter((item) => item instanceof File));
    // An editor that moves its own content does so with `beforeinput` too: there only files are new.
    const html = again.kind === 'paste' ? (strings.find(([type]) => type === 'text/html')?.[1] ?? '') : '';
    if (!files.some(pictures.possible) && !flavours.embedded(html).length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const target = /** @type {Element | null} */ (roots.innermost(event));
    const selection = insertions.remember(target);
    acquisitions.begin({
      files,
      strings,
      deliver: async (given, texts) => {
        const left = /** @type {File[]} */ (given.filter((file) => file));
        const prevented = await deliveries.deliver(
          { type: 'deliver', ...again, files: left, strings: texts },
          () => target,
        );
        if (!prevented) await insertions.insert(target, { files: left, strings: texts }, selection);
        return 'given';
      },
      cancel: async () => undefined,
    });
  }

  roots.onWindow('paste', (/** @type {ClipboardEvent} */ event) => {
    hold(event, event.clipboardData, { kind: 'paste' });
  });
  roots.onWindow('beforeinput', (/** @type {InputEvent} */ event) => {
    hold(event, event.dataTransfer, { kind: 'beforeinput', inputType: event.inputType });
  });
})();
