// @ts-check
/**
 * File inputs the frame script's listeners on the window would not hear of: detached ones, and those in
 * closed shadow roots, from which `change` never comes out. They are shown to it when a script opens them, or
 * makes the root.
 */

(() => {
  'use strict';

  const page = /** @type {Page} */ (Reflect.get(globalThis, 'ermaskPage'));
  const { apply, channel, quietly, replace } = page;
  const typeOf = page.getter(Event.prototype, 'type');

  replace(HTMLElement.prototype, 'click', (self, args, native) => {
    channel.announce('click', self);
    return apply(native, self, args);
  });

  replace(HTMLInputElement.prototype, 'showPicker', (self, args, native) => {
    channel.announce('click', self);
    return apply(native, self, args);
  });

  // A dispatched click opens a file input too, even a detached one.
  replace(EventTarget.prototype, 'dispatchEvent', (self, args, native) => {
    if (quietly(() => typeOf(args[0]) === 'click', false)) channel.announce('click', self);
    return apply(native, self, args);
  });

  replace(Element.prototype, 'attachShadow', (self, args, native) => {
    const root = apply(native, self, args);
    channel.announce('shadow', self);
    return root;
  });

  // Takes every listener off the window, ours too: they are put back before the new content comes.
  replace(Document.prototype, 'open', (self, args, native) => {
    const opened = apply(native, self, args);
    channel.announce('opened');
    return opened;
  });

  // How a script gets at a closed root that came with the markup.
  replace(HTMLElement.prototype, 'attachInternals', (self, args, native) => {
    const internals = apply(native, self, args);
    channel.announce('shadow', self);
    return internals;
  });
})();
