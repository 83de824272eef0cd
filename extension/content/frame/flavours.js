// @ts-check
/**
 * The other flavours of a paste or drop: text, HTML, RTF. Each may carry the picture a second time, in
 * itself.
 */

/* exported flavours */
const flavours = (() => {
  const EMBEDDED =
    /data:(image\/[a-z0-9.+-]+)(?:;[a-z0-9=_.-]+)*;base64,((?:[a-z0-9+/=\r\n]|%[0-9a-f]{2})+)/gi;
  const NOT_PHOTOS = /^image\/(svg\+xml|gif)$/i;

  /** @param {string} type @param {string} base64 @param {number} number */
  function fileFrom(type, base64, number) {
    const text = atob(decodeURIComponent(base64));
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    return new File([bytes], `picture-${number}.${type.slice(6).toLowerCase()}`, {
      type: type.toLowerCase(),
    });
  }

  /**
   * Photos embedded in HTML, in the order they stand there.
   * @param {string} html @returns {File[]}
   */
  function embedded(html) {
    /** @type {File[]} */
    const files = [];
    for (const [, type, base64] of html.matchAll(EMBEDDED)) {
      if (NOT_PHOTOS.test(type)) continue;
      try {
        files.push(fileFrom(type, base64, files.length + 1));
      } catch {
        files.push(new File([base64], 'picture', { type })); // damaged: the daemon will say so
      }
    }
    return files;
  }

  /** @param {Blob} blob @returns {Promise<string>} */
  const dataUrl = (blob) =>
    new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(/** @type {string} */ (reader.result));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });

  /**
   * The HTML with each embedded photo replaced; null takes it out.
   * @param {string} html @param {(Blob | null)[]} files  one for each of `embedded(html)`
   */
  async function refill(html, files) {
    const urls = await Promise.all(files.map((file) => (file ? dataUrl(file) : 'data:,')));
    let at = 0;
    return html.replace(EMBEDDED, (whole, type) => {
      if (NOT_PHOTOS.test(type)) return whole;
      at += 1;
      return urls[at - 1];
    });
  }

  /**
   * Read a transfer while its event runs. An item may be a file, or a folder's entry.
   * @param {DataTransfer} transfer
   * @returns {{items: (File | FileSystemDirectoryEntry)[], strings: [string, string][]}}
   */
  function read(transfer) {
    /** @type {(File | FileSystemDirectoryEntry)[]} */
    const items = [];
    for (const item of transfer.items) {
      if (item.kind !== 'file') continue;
      const entry = item.webkitGetAsEntry?.();
      const file = item.getAsFile();
      if (entry?.isDirectory) items.push(/** @type {FileSystemDirectoryEntry} */ (entry));
      else if (file) items.push(file);
    }
    /** @type {[string, string][]} */
    const strings = [];
    for (const type of transfer.types) {
      if (type === 'Files' || type === 'application/x-moz-file') continue;
      const text = transfer.getData(type);
      // Word processors put their pictures into RTF too, as hexadecimal.
      if (text && !(type.endsWith('rtf') && text.includes('\\pict'))) strings.push([type, text]);
    }
    return { items, strings };
  }

  return { embedded, refill, dataUrl, read };
})();
