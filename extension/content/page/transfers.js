// @ts-check
/**
 * DataTransfers with protected files, made so that drop zones which walk entries or handles find them too:
 * of a transfer made by a script, Chromium gives neither (`webkitGetAsEntry()` is null).
 */

/**
 * What a transfer is made of. `paths[i]` is empty for a file of its own, 'holiday/a.jpg' for one from a
 * dropped folder. `order` has an index into `files`, or a folder's name, for each item.
 * @typedef {{files: File[], paths: string[], folders: string[], order: (number | string)[],
 *            strings: [string, string][]}} Cargo
 */

(() => {
  'use strict';

  const page = /** @type {Page} */ (Reflect.get(globalThis, 'ermaskPage'));
  const { apply, make, map, put, quietly, replace, weakMap } = page;
  const split = page.method(String.prototype, 'split');
  const addItem = page.method(DataTransferItemList.prototype, 'add');
  const itemsOf = page.getter(DataTransfer.prototype, 'items');
  const setData = page.method(DataTransfer.prototype, 'setData');
  const setAllowed = page.setter(DataTransfer.prototype, 'effectAllowed');
  const setEffect = page.setter(DataTransfer.prototype, 'dropEffect');
  const fileOf = page.method(DataTransferItem.prototype, 'getAsFile');
  const nameOf = page.getter(File.prototype, 'name');
  const NewFile = File;
  const NewMap = Map;

  /** The item's tree, by the file `getAsFile` gives: the items themselves are made anew at every look. */
  const nodes = /** @type {WeakMap<File, Branch>} */ (new WeakMap());

  /** @param {Branch | null} parent @param {string} name @param {File | null} file @returns {Branch} */
  function branch(parent, name, file) {
    const made = {
      parent,
      name,
      file,
      names: /** @type {string[]} */ ([]),
      children: new NewMap(),
      path: parent ? (parent.path === '/' ? `/${name}` : `${parent.path}/${name}`) : '/',
    };
    if (parent) {
      if (!map.has(parent.children, name)) page.append(parent.names, name);
      map.set(parent.children, name, made);
    }
    return made;
  }

  /** @param {Branch} root @param {string} path @param {File | null} file */
  function grow(root, path, file) {
    const parts = split(path, '/');
    let at = root;
    for (let i = 0; i < parts.length; i += 1) {
      const last = i === parts.length - 1;
      const next = map.get(at.children, parts[i]);
      at = next && !(last && file) ? next : branch(at, parts[i], last ? file : null);
    }
    return at;
  }

  /** @param {Cargo} cargo @returns {DataTransfer} */
  function load(cargo) {
    const transfer = new make.DataTransfer();
    const items = itemsOf(transfer);
    // As of a file from the desktop; some drop zones look.
    setAllowed(transfer, 'all');
    setEffect(transfer, 'copy');
    const root = branch(null, '', null);
    for (let i = 0; i < cargo.folders.length; i += 1) grow(root, cargo.folders[i], null);
    for (let i = 0; i < cargo.files.length; i += 1) {
      if (cargo.paths[i]) grow(root, cargo.paths[i], cargo.files[i]);
    }
    for (let i = 0; i < cargo.order.length; i += 1) {
      const item = cargo.order[i];
      const folder = typeof item === 'string';
      // A folder's own item is a file without content, as in the browsers.
      const file = folder ? new NewFile([], item) : cargo.files[item];
      const node = folder ? grow(root, item, null) : branch(root, nameOf(file), file);
      weakMap.set(nodes, file, node);
      addItem(items, file);
    }
    for (let i = 0; i < cargo.strings.length; i += 1) {
      const pair = cargo.strings[i];
      quietly(() => setData(transfer, pair[0], pair[1]), undefined);
    }
    return transfer;
  }

  /** @param {any} item @returns {Branch | undefined} */
  const nodeOf = (item) =>
    quietly(() => {
      const file = fileOf(item);
      return file ? weakMap.get(nodes, file) : undefined;
    }, undefined);

  replace(DataTransferItem.prototype, 'webkitGetAsEntry', (self, args, native) => {
    const node = nodeOf(self);
    return node ? page.transfers.entry(node) : apply(native, self, args);
  });

  replace(DataTransferItem.prototype, 'getAsFileSystemHandle', (self, args, native) => {
    const node = nodeOf(self);
    if (!node) return apply(native, self, args);
    return new make.Promise((resolve) => {
      resolve(page.transfers.handle(node));
    });
  });

  page.transfers = {
    load,
    /** Tell a file's place in a picked folder, as the browser did for the original. */
    place: (/** @type {File} */ file, /** @type {string} */ path) => put(file, 'webkitRelativePath', path),
  };
})();
