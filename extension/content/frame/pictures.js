// @ts-check
/** What a file is, by its name and type before it may be read, and by its first bytes after. */

/**
 * `photo`: goes to the daemon. `animated`, `gif`, `drawing` (SVG) and `other` go to the page as they are.
 * @typedef {'photo' | 'animated' | 'gif' | 'drawing' | 'other'} Kind
 */

/* exported pictures */
const pictures = (() => {
  const HEAD = 65536; // bytes looked at: enough to find an APNG's animation chunk behind a colour profile
  const PHOTO_NAME =
    /\.(jpe?g|jpe|jfif|png|webp|avif|hei[cf]s?|hif|bmp|dib|tiff?|jxl|jp2|dng|cr[23]|nef|arw|orf|rw2|raf)$/i;
  /** Extensions a type is written with; the first is the usual one. @type {Record<string, string[]>} */
  const EXTENSIONS = {
    jpeg: ['jpg', 'jpeg', 'jpe', 'jfif'],
    png: ['png'],
    webp: ['webp'],
    avif: ['avif'],
    heic: ['heic', 'heif', 'heics', 'heifs', 'hif'],
  };

  /**
   * Whether a file could be a photo, as far as may be told without reading it.
   * @param {{name?: string, type: string}} file
   */
  const possible = (file) => {
    const type = file.type.toLowerCase();
    return type === '' || type.startsWith('image/') || PHOTO_NAME.test(file.name ?? '');
  };

  /** @param {Uint8Array} head @param {number} from @param {number} to */
  const ascii = (head, from, to) => String.fromCharCode(...head.subarray(from, to));

  /** @param {Uint8Array} head */
  function isAnimatedPng(head) {
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    for (let at = 8; at + 8 <= head.length; at += 12 + view.getUint32(at)) {
      const chunk = ascii(head, at + 4, at + 8);
      if (chunk === 'acTL') return true;
      if (chunk === 'IDAT') return false;
    }
    return false;
  }

  /**
   * The picture format in a file's first bytes, and whether it moves; null if they are of no picture.
   * @param {Uint8Array} head @returns {{format: string, animated: boolean} | null}
   */
  function sniff(head) {
    const still = (/** @type {string} */ format) => ({ format, animated: false });
    const starts = (/** @type {string} */ text) => ascii(head, 0, text.length) === text;
    if (starts('\xff\xd8\xff')) return still('jpeg');
    if (starts('\x89PNG\r\n\x1a\n')) return { format: 'png', animated: isAnimatedPng(head) };
    if (starts('RIFF') && ascii(head, 8, 12) === 'WEBP') {
      return { format: 'webp', animated: ascii(head, 12, 16) === 'VP8X' && (head[20] & 2) !== 0 };
    }
    if (ascii(head, 4, 8) === 'ftyp') return sniffBox(head);
    if (starts('GIF87a') || starts('GIF89a')) return { format: 'gif', animated: true };
    if (starts('BM') && head.length > 26) return still('bmp');
    // most raw formats are TIFF files too
    if (['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].some(starts)) return still('tiff');
    if (starts('\xff\x0a') || starts('\0\0\0\x0cJXL ')) return still('jxl');
    if (starts('\0\0\0\x0cjP  ') || starts('\xff\x4f\xff\x51')) return still('jp2');
    if (starts('IIRO') || starts('IIRS') || starts('IIU\0') || starts('FUJIFILMCCD-RAW')) return still('raw');
    if (starts('8BPS')) return still('psd');
    const text = ascii(head, 0, Math.min(head.length, 1024)).trimStart();
    if (/^(\xef\xbb\xbf|\ufeff)?\s*(<\?xml[^>]*>|<!--[^]*?-->|<!DOCTYPE[^>]*>|\s)*<svg[\s>]/i.test(text))
      return still('svg');
    return null;
  }

  /** Pictures in an ISO media file; a video has no such brand. @param {Uint8Array} head */
  function sniffBox(head) {
    const size = Math.min(new DataView(head.buffer, head.byteOffset).getUint32(0), head.length, 256);
    const brands = [ascii(head, 8, 12)];
    for (let at = 16; at + 4 <= size; at += 4) brands.push(ascii(head, at, at + 4));
    const has = (/** @type {string[]} */ ...list) => list.some((brand) => brands.includes(brand));
    if (brands[0] === 'avis') return { format: 'avif', animated: true };
    if (has('avif')) return { format: 'avif', animated: false };
    if (['hevc', 'hevx', 'msf1'].includes(brands[0])) return { format: 'heic', animated: true };
    if (has('heic', 'heix', 'heim', 'heis', 'mif1')) return { format: 'heic', animated: false };
    if (has('crx ')) return { format: 'raw', animated: false };
    return null;
  }

  /** @param {Blob} blob @returns {Promise<Uint8Array>} rejects if the file cannot be read */
  async function headOf(blob) {
    // Copied, because in Firefox the buffer is the page's, and half of what one does with such a one is
    // denied.
    return Uint8Array.from(new Uint8Array(await blob.slice(0, HEAD).arrayBuffer()));
  }

  /**
   * @param {File} file @param {Uint8Array} head @returns {Kind}
   */
  function kind(file, head) {
    const found = sniff(head);
    if (found?.format === 'gif') return 'gif';
    if (found?.format === 'svg') return 'drawing';
    if (found) return found.animated ? 'animated' : 'photo';
    // Called a photo, but of no known format: the daemon will refuse it, and so it stops here.
    const type = file.type.toLowerCase();
    if (/^image\/(svg\+xml|gif|(vnd\.microsoft\.|x-)?icon?)$/.test(type)) return 'other';
    return type.startsWith('image/') || (PHOTO_NAME.test(file.name) && type === '') ? 'photo' : 'other';
  }

  /**
   * The protected photo as the file the page gets: the original's name, with another extension if the type
   * changed.
   * @param {File} original @param {Blob} photo @param {Uint8Array} head  the protected photo's first bytes
   */
  function rename(original, photo, head) {
    const format = sniff(head)?.format ?? '';
    const endings = EXTENSIONS[format] ?? [];
    const [, stem, ending] = /^(.*?)(?:\.([^.]*))?$/s.exec(original.name) ?? ['', original.name, ''];
    const fits = !endings.length || !ending || endings.includes(ending.toLowerCase());
    const name = fits ? original.name : `${stem}.${endings[0]}`;
    const type = endings.length ? `image/${format}` : photo.type;
    return new File([photo], name, { type, lastModified: original.lastModified });
  }

  return { possible, sniff, headOf, kind, rename };
})();
