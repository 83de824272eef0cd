// @ts-check
/**
 * What the scripts of this folder use of the page's world, taken before the page's own code runs.
 *
 * The page shares these globals with us and may replace any of them later, so at run time nothing is called
 * by looking it up on a prototype: only what is kept here. `for...of`, spreading into calls, `await` and
 * array methods would look things up too, and are not used in this folder.
 *
 * The scripts share `globalThis.ermaskPage`; start.js, the last of them, deletes it.
 */

/** @typedef {(self: any, ...rest: any[]) => any} Method  a method that takes `this` as its first argument */

/**
 * @typedef {object} Page
 * @property {typeof Reflect.apply} apply
 * @property {(owner: any, name: string) => Method} method
 * @property {(owner: any, name: string) => (self: any) => any} getter
 * @property {(owner: any, name: string) => (self: any, value: any) => void} setter
 * @property {(owner: any, name: PropertyKey, value: unknown) => void} put
 * @property {(list: any[], item: unknown) => void} append
 * @property {(owner: any, name: string, body: (self: any, args: any[],
 *   native: Function) => any) => void} replace
 * @property {<T>(run: () => T, otherwise: T) => T} quietly
 * @property {(promise: any, done: (value: any) => void, failed: (reason: any) => void) => void} when
 * @property {{Promise: PromiseConstructor, DOMException: typeof DOMException, TypeError: typeof TypeError,
 *             DataTransfer: typeof DataTransfer, Event: typeof Event, CustomEvent: typeof CustomEvent,
 *             SubmitEvent: typeof SubmitEvent, DragEvent: typeof DragEvent, InputEvent: typeof InputEvent,
 *             ClipboardEvent: typeof ClipboardEvent, ProgressEvent: typeof ProgressEvent}} make
 * @property {Method} dispatch
 * @property {Method} listen
 * @property {Method} unlisten
 * @property {WeakSet<object>} known  files that were delivered, and their slices
 * @property {{add: Method, has: Method}} weakSet
 * @property {{get: Method, set: Method, has: Method, delete: Method}} map
 * @property {{get: Method, set: Method}} weakMap
 * @property {any} channel
 * @property {any} transfers
 * @property {any} sinks
 */

(() => {
  'use strict';

  const { apply, defineProperty, getOwnPropertyDescriptor } = Reflect;

  /** @param {any} owner @param {string} name */
  const descriptor = (owner, name) => {
    for (let at = owner; at; at = Object.getPrototypeOf(at)) {
      const found = getOwnPropertyDescriptor(at, name);
      if (found) return found;
    }
    return undefined;
  };

  /** @type {Page['method']} */
  const method = (owner, name) => {
    const native = descriptor(owner, name)?.value;
    return (self, ...rest) => apply(native, self, rest);
  };

  /**
   * A descriptor that inherits nothing the page could have put on Object.prototype.
   * @param {PropertyDescriptor} own
   */
  const plain = (own) =>
    /** @type {PropertyDescriptor} */ (/** @type {unknown} */ ({ __proto__: null, ...own }));

  /** @type {Page['put']} */
  const put = (owner, name, value) => {
    defineProperty(owner, name, plain({ value, writable: true, enumerable: true, configurable: true }));
  };

  const then = method(Promise.prototype, 'then');

  /** @type {Page} */
  const page = {
    apply,
    method,
    put,
    getter: (owner, name) => {
      const native = descriptor(owner, name)?.get;
      return (self) => apply(/** @type {any} */ (native), self, []);
    },
    setter: (owner, name) => {
      const native = descriptor(owner, name)?.set;
      return (self, value) => apply(/** @type {any} */ (native), self, [value]);
    },
    // Not `list[list.length] = item`: that would meet a setter the page put on Array.prototype.
    append: (list, item) => put(list, list.length, item),
    replace: (owner, name, body) => {
      const old = owner && getOwnPropertyDescriptor(owner, name);
      if (!old || typeof old.value !== 'function' || !old.configurable) return;
      const native = old.value;
      // A method, not a function: like the native one it has no `prototype` and cannot be called with `new`.
      const { [name]: patched } = {
        /** @this {any} @param {any[]} args */
        [name](...args) {
          return body(this, args, native);
        },
      };
      defineProperty(patched, 'length', plain({ value: native.length, configurable: true }));
      defineProperty(owner, name, plain({ ...old, value: patched }));
    },
    quietly: (run, otherwise) => {
      try {
        return run();
      } catch {
        return otherwise;
      }
    },
    when: (promise, done, failed) => {
      then(
        promise,
        (/** @type {any} */ value) => {
          done(value);
        },
        (/** @type {any} */ why) => {
          failed(why);
        },
      );
    },
    make: {
      Promise,
      DOMException,
      TypeError,
      DataTransfer,
      Event,
      CustomEvent,
      SubmitEvent,
      DragEvent,
      InputEvent,
      ClipboardEvent,
      ProgressEvent,
    },
    dispatch: method(EventTarget.prototype, 'dispatchEvent'),
    listen: method(EventTarget.prototype, 'addEventListener'),
    unlisten: method(EventTarget.prototype, 'removeEventListener'),
    known: new WeakSet(),
    weakSet: { add: method(WeakSet.prototype, 'add'), has: method(WeakSet.prototype, 'has') },
    map: {
      get: method(Map.prototype, 'get'),
      set: method(Map.prototype, 'set'),
      has: method(Map.prototype, 'has'),
      delete: method(Map.prototype, 'delete'),
    },
    weakMap: { get: method(WeakMap.prototype, 'get'), set: method(WeakMap.prototype, 'set') },
    channel: null,
    transfers: null,
    sinks: null,
  };

  defineProperty(globalThis, 'ermaskPage', { value: page, configurable: true });
})();
