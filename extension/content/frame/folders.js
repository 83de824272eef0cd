// @ts-check
/** Dropped files and folders, read into one flat list with paths. */

/**
 * As in `Cargo` (page/transfers.js): `order` has an index into `files`, or the name of a folder, for each
 * item.
 * @typedef {{files: File[], paths: string[], folders: string[], order: (number | string)[]}} Load
 */

/* exported folders */
const folders = (() => {
  const LIMIT = 10_000; // files in a drop; more is a mistake

  /** @param {FileSystemDirectoryReader} reader @returns {Promise<FileSystemEntry[]>} */
  const batch = (reader) =>
    new Promise((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });

  /** @param {FileSystemFileEntry} entry @returns {Promise<File>} */
  const fileOf = (entry) =>
    new Promise((resolve, reject) => {
      entry.file(resolve, reject);
    });

  /** @param {FileSystemDirectoryEntry} folder @param {string} path @param {Load} load */
  async function walk(folder, path, load) {
    load.folders.push(path);
    const reader = folder.createReader();
    // A reader gives some entries at a time, and none at the end.
    for (let entries = await batch(reader); entries.length; entries = await batch(reader)) {
      for (const entry of entries) {
        const inner = `${path}/${entry.name}`;
        if (entry.isDirectory) {
          await walk(/** @type {FileSystemDirectoryEntry} */ (entry), inner, load);
        } else {
          load.files.push(await fileOf(/** @type {FileSystemFileEntry} */ (entry)));
          load.paths.push(inner);
        }
        if (load.files.length > LIMIT) throw new RangeError('too many files');
      }
    }
  }

  /**
   * @param {(File | FileSystemDirectoryEntry)[]} items
   * @returns {Promise<Load>} rejects if something cannot be read
   */
  async function flatten(items) {
    /** @type {Load} */
    const load = { files: [], paths: [], folders: [], order: [] };
    for (const item of items) {
      if (item instanceof File) {
        load.order.push(load.files.length);
        load.files.push(item);
        load.paths.push('');
      } else {
        load.order.push(item.name);
        await walk(item, item.name, load);
      }
    }
    return load;
  }

  /**
   * What is left once some files were left out.
   * @param {Load} load
   * @param {(File | null)[]} given
   * @returns {Load}
   */
  function without(load, given) {
    /** @type {Load} */
    const left = { files: [], paths: [], folders: load.folders, order: [] };
    /** @type {Map<number, number>} */
    const moved = new Map();
    given.forEach((file, i) => {
      if (!file) return;
      moved.set(i, left.files.length);
      left.files.push(file);
      left.paths.push(load.paths[i]);
    });
    for (const item of load.order) {
      const at = typeof item === 'number' ? moved.get(item) : item;
      if (at !== undefined) left.order.push(at);
    }
    return left;
  }

  return { flatten, without };
})();
