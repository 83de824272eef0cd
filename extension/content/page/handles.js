// @ts-check
/**
 * Files the page asks for: through file handles (pickers, dropped or stored ones) and through
 * `navigator.clipboard.read()`. Both answer with promises, so they simply take longer.
 */

(() => {
  'use strict';

  const page = /** @type {Page} */ (Reflect.get(globalThis, 'ermaskPage'));
  const { apply, channel, known, make, map, quietly, replace, weakMap, weakSet, when } = page;
  const lastModified = page.getter(File.prototype, 'lastModified');
  const sizeOf = page.getter(Blob.prototype, 'size');
  const NewMap = Map;

  /** @typedef {{resolve: (value: any) => void, reject: (reason: any) => void, original: Blob}} Waiting */

  const waiting = /** @type {Map<string, Waiting>} */ (new Map());
  const kept = /** @type {WeakMap<object, any>} */ (new WeakMap());
  const read = /** @type {WeakSet<object>} */ (new WeakSet());
  let active = true; // until the policy is known

  channel.on('policy', (/** @type {any} */ letter) => {
    active = letter.active;
  });

  channel.on('settle', (/** @type {any} */ letter) => {
    const one = map.get(waiting, letter.id);
    if (!one) return;
    map.delete(waiting, letter.id);
    if (letter.cancelled) {
      one.reject(new make.DOMException('The user aborted a request.', 'AbortError'));
      return;
    }
    const blob = letter.file ?? one.original;
    weakSet.add(known, blob);
    one.resolve(blob);
  });

  /**
   * Have it protected; pictures only are changed.
   * @param {Blob} blob
   * @param {string} source
   * @returns {Promise<Blob>}
   */
  const acquire = (blob, source) =>
    new make.Promise((resolve, reject) => {
      const id = channel.id();
      map.set(waiting, id, { resolve, reject, original: blob });
      channel.send({ type: 'acquire', id, source, file: blob });
    });

  // Handles of the page's own private file system hold what the page itself wrote there.
  const storage = quietly(() => navigator.storage, undefined);
  const rootOf = storage && page.method(storage, 'getDirectory');
  const folders = Reflect.get(globalThis, 'FileSystemDirectoryHandle')?.prototype;
  const pathIn = folders && page.method(folders, 'resolve');

  /** @param {any} handle @param {(own: boolean) => void} done */
  function whetherOwn(handle, done) {
    const foreign = () => done(false);
    if (!storage || !rootOf || !pathIn) return foreign();
    return quietly(
      () =>
        when(
          rootOf(storage),
          (root) => {
            quietly(() => when(pathIn(root, handle), (path) => done(path !== null), foreign), undefined);
          },
          foreign,
        ),
      undefined,
    );
  }

  /** The same file asked for again is not protected anew. @param {any} handle @param {File} file */
  function protectedOnce(handle, file) {
    const last = weakMap.get(kept, handle);
    if (last && last.lastModified === lastModified(file) && last.size === sizeOf(file)) return last.promise;
    const promise = acquire(file, 'handle');
    weakMap.set(kept, handle, { lastModified: lastModified(file), size: sizeOf(file), promise });
    // A cancelled one may be asked for again.
    when(
      promise,
      () => {},
      () => {
        weakMap.set(kept, handle, null);
      },
    );
    return promise;
  }

  replace(Reflect.get(globalThis, 'FileSystemFileHandle')?.prototype, 'getFile', (self, args, native) => {
    const original = apply(native, self, args);
    if (!active) return original;
    return new make.Promise((resolve, reject) => {
      when(
        original,
        (file) => {
          whetherOwn(self, (own) => {
            resolve(own ? file : protectedOnce(self, file));
          });
        },
        reject,
      );
    });
  });

  const items = Reflect.get(globalThis, 'ClipboardItem')?.prototype;

  replace(Reflect.get(globalThis, 'Clipboard')?.prototype, 'read', (self, args, native) => {
    const original = apply(native, self, args);
    return new make.Promise((resolve, reject) => {
      when(
        original,
        (list) => {
          for (let i = 0; i < list.length; i += 1) weakSet.add(read, list[i]);
          resolve(list);
        },
        reject,
      );
    });
  });

  replace(items, 'getType', (self, args, native) => {
    const original = apply(native, self, args);
    if (!active || !quietly(() => weakSet.has(read, self), false)) return original;
    const type = `${args[0]}`;
    return new make.Promise((resolve, reject) => {
      when(
        original,
        (blob) => {
          const memo = weakMap.get(kept, self) ?? new NewMap();
          weakMap.set(kept, self, memo);
          if (!map.has(memo, type)) map.set(memo, type, acquire(blob, 'clipboard'));
          resolve(map.get(memo, type));
        },
        reject,
      );
    });
  });
})();
