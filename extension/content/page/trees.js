// @ts-check
/**
 * Entries (File and Directory Entries API) and handles (File System API) of a protected drop, which is a tree
 * in memory. They can be read, not written: there is no file behind them to write to.
 */

/**
 * @typedef {{parent: Branch | null, name: string, path: string, file: File | null, names: string[],
 *            children: Map<string, Branch>}} Branch
 */

(() => {
  'use strict';

  const page = /** @type {Page} */ (Reflect.get(globalThis, 'ermaskPage'));
  const { append, apply, make, map, put } = page;
  const { create } = Object;
  const { asyncIterator } = Symbol;
  const split = page.method(String.prototype, 'split');
  const soon = queueMicrotask;
  const prototypeOf = (/** @type {string} */ name) =>
    Reflect.get(globalThis, name)?.prototype ?? Object.prototype;
  const FILE_ENTRY = prototypeOf('FileSystemFileEntry');
  const FOLDER_ENTRY = prototypeOf('FileSystemDirectoryEntry');
  const READER = prototypeOf('FileSystemDirectoryReader');
  const FILE_HANDLE = prototypeOf('FileSystemFileHandle');
  const FOLDER_HANDLE = prototypeOf('FileSystemDirectoryHandle');

  /** @param {string} name */
  const error = (name) => new make.DOMException('', name);
  const resolved = (/** @type {unknown} */ value) =>
    new make.Promise((resolve) => {
      resolve(value);
    });
  const rejected = (/** @type {string} */ name) =>
    new make.Promise((_, reject) => {
      reject(error(name));
    });

  /** Call a page's callback later, as the browser does. @param {any} callback @param {unknown} value */
  const answer = (callback, value) => {
    if (typeof callback === 'function')
      soon(() => {
        apply(callback, undefined, [value]);
      });
  };

  /** @param {Branch} node @param {string} path @returns {Branch | null} */
  function find(node, path) {
    const parts = split(`${path}`, '/');
    let at = /** @type {Branch | null} */ (node);
    for (let i = 0; i < parts.length && at; i += 1) {
      if (parts[i] === '' || parts[i] === '.') continue;
      at = parts[i] === '..' ? at.parent : (map.get(at.children, parts[i]) ?? null);
    }
    return at;
  }

  /** @param {Branch} node */
  function children(node) {
    /** @type {Branch[]} */
    const list = [];
    for (let i = 0; i < node.names.length; i += 1) append(list, map.get(node.children, node.names[i]));
    return list;
  }

  /** @param {Branch} node @returns {any} */
  function entry(node) {
    const made = create(node.file ? FILE_ENTRY : FOLDER_ENTRY);
    put(made, 'isFile', node.file !== null);
    put(made, 'isDirectory', node.file === null);
    put(made, 'name', node.name);
    put(made, 'fullPath', node.path);
    put(made, 'filesystem', { name: 'protected', root: null });
    put(made, 'getParent', (/** @type {any} */ done) => answer(done, entry(node.parent ?? node)));
    if (node.file) {
      put(made, 'file', (/** @type {any} */ done) => answer(done, node.file));
      return made;
    }
    put(made, 'createReader', () => {
      const reader = create(READER);
      let read = false;
      put(reader, 'readEntries', (/** @type {any} */ done) => {
        /** @type {any[]} */
        const list = [];
        const all = read ? [] : children(node);
        for (let i = 0; i < all.length; i += 1) append(list, entry(all[i]));
        read = true;
        answer(done, list);
      });
      return reader;
    });
    const lookUp =
      (/** @type {boolean} */ file) =>
      (
        /** @type {string} */ path,
        /** @type {any} */ _,
        /** @type {any} */ done,
        /** @type {any} */ failed,
      ) => {
        const found = find(node, path ?? '');
        if (!found) return answer(failed, error('NotFoundError'));
        if ((found.file !== null) !== file) return answer(failed, error('TypeMismatchError'));
        return answer(done, entry(found));
      };
    put(made, 'getFile', lookUp(true));
    put(made, 'getDirectory', lookUp(false));
    return made;
  }

  /** @param {Branch} node @param {(child: Branch) => unknown} pick */
  function iterate(node, pick) {
    const all = children(node);
    let at = 0;
    const iterator = {
      next: () => {
        const child = all[at];
        at += 1;
        return resolved(child ? { value: pick(child), done: false } : { value: undefined, done: true });
      },
    };
    put(iterator, asyncIterator, () => iterator);
    return iterator;
  }

  /** @param {Branch} node @returns {any} */
  function handle(node) {
    const made = create(node.file ? FILE_HANDLE : FOLDER_HANDLE);
    put(made, 'kind', node.file ? 'file' : 'directory');
    put(made, 'name', node.name);
    put(made, 'isSameEntry', (/** @type {unknown} */ other) => resolved(other === made));
    const permission = (/** @type {any} */ wish) =>
      resolved(wish?.mode === 'readwrite' ? 'denied' : 'granted');
    put(made, 'queryPermission', permission);
    put(made, 'requestPermission', permission);
    put(made, 'remove', () => rejected('NotAllowedError'));
    if (node.file) {
      put(made, 'getFile', () => resolved(node.file));
      put(made, 'createWritable', () => rejected('NotAllowedError'));
      return made;
    }
    const values = () => iterate(node, handle);
    const entries = () => iterate(node, (child) => [child.name, handle(child)]);
    put(made, 'values', values);
    put(made, 'keys', () => iterate(node, (child) => child.name));
    put(made, 'entries', entries);
    put(made, asyncIterator, entries);
    const lookUp = (/** @type {boolean} */ file) => (/** @type {string} */ name, /** @type {any} */ wish) => {
      const found = map.get(node.children, `${name}`);
      if (!found) return rejected(wish?.create ? 'NotAllowedError' : 'NotFoundError');
      return (found.file !== null) === file ? resolved(handle(found)) : rejected('TypeMismatchError');
    };
    put(made, 'getFileHandle', lookUp(true));
    put(made, 'getDirectoryHandle', lookUp(false));
    put(made, 'removeEntry', () => rejected('NotAllowedError'));
    put(made, 'resolve', () => resolved(null));
    return made;
  }

  page.transfers.entry = entry;
  page.transfers.handle = handle;
})();
