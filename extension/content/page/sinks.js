// @ts-check
/**
 * Strict mode: watches what the page sends, for pictures that were never handed to it. A net under the hooks,
 * for pictures the page made itself (camera, canvas) or kept from before. The user can turn it off.
 *
 * Nothing is patched until the policy asks for it, so most pages keep their own `fetch`.
 */

(() => {
  'use strict';

  const page = /** @type {Page} */ (Reflect.get(globalThis, 'ermaskPage'));
  const { append, apply, channel, known, make, quietly, replace, weakSet, when } = page;
  const SMALLEST = 10 * 1024; // bytes; below it are icons, not photos
  const HEAD = 16;
  const typeOf = page.getter(Blob.prototype, 'type');
  const sizeOf = page.getter(Blob.prototype, 'size');
  const slice = page.method(Blob.prototype, 'slice');
  const bytesOf = page.method(Blob.prototype, 'arrayBuffer');
  const everyEntry = page.method(FormData.prototype, 'forEach');
  const deleteEntry = page.method(FormData.prototype, 'delete');
  const formDataOf = page.getter(FormDataEvent.prototype, 'formData');
  const bufferSize = page.getter(ArrayBuffer.prototype, 'byteLength');
  const isView = ArrayBuffer.isView;
  const Bytes = Uint8Array;
  const later = setTimeout;

  /** @type {'off' | 'warn' | 'block'} */
  let strict = 'off';
  let patched = false;

  /** @param {number} count */
  const report = (count) => channel.send({ type: 'unseen', blocked: strict === 'block', count });

  /** @param {Uint8Array} head */
  function looksLikePhoto(head) {
    const at = (/** @type {number} */ i) => head[i];
    if (at(0) === 0xff && at(1) === 0xd8 && at(2) === 0xff) return true; // JPEG
    if (at(0) === 0x89 && at(1) === 0x50 && at(2) === 0x4e && at(3) === 0x47) return true; // PNG
    if (at(0) === 0x52 && at(1) === 0x49 && at(8) === 0x57 && at(9) === 0x45) return true; // RIFF....WEBP
    return (
      at(4) === 0x66 &&
      at(5) === 0x74 &&
      at(6) === 0x79 &&
      at(7) === 0x70 && // ftyp
      ((at(8) === 0x61 && at(9) === 0x76 && at(10) === 0x69) || at(8) === 0x68 || at(9) === 0x69)
    ); // avi* h* mif1
  }

  /** @param {string} type */
  function isPhotoType(type) {
    return (
      type[0] === 'i' &&
      type[1] === 'm' &&
      type[5] === '/' &&
      type !== 'image/svg+xml' &&
      type !== 'image/gif'
    );
  }

  const isBlob = (/** @type {any} */ it) => quietly(() => typeof sizeOf(it) === 'number', false);
  const isBuffer = (/** @type {any} */ it) => quietly(() => typeof bufferSize(it) === 'number', false);

  /**
   * Sort what is being sent: `photos` counts the unknown pictures; `doubtful` are blobs only their bytes can
   * tell.
   * @param {any} body @returns {{photos: number, doubtful: Blob[]}}
   */
  function sort(body) {
    const found = { photos: 0, doubtful: /** @type {Blob[]} */ ([]) };
    const one = (/** @type {any} */ it) => {
      if (isBlob(it)) {
        if (sizeOf(it) < SMALLEST || weakSet.has(known, it)) return;
        const type = typeOf(it);
        if (isPhotoType(type)) found.photos += 1;
        else if (type === '' || type === 'application/octet-stream') append(found.doubtful, it);
        return;
      }
      const view = isView(it);
      if (!view && !isBuffer(it)) return;
      const all = view ? new Bytes(it.buffer, it.byteOffset, it.byteLength) : new Bytes(it);
      if (all.byteLength >= SMALLEST && looksLikePhoto(all)) found.photos += 1;
    };
    quietly(() => everyEntry(body, one), undefined); // throws unless it is a FormData
    one(body);
    return found;
  }

  /** @param {Blob[]} blobs @param {(photos: number) => void} done */
  function openDoubtful(blobs, done) {
    let photos = 0;
    const next = (/** @type {number} */ i) => {
      if (i === blobs.length) return done(photos);
      const go = (/** @type {ArrayBuffer | null} */ head) => {
        if (head && looksLikePhoto(new Bytes(head))) photos += 1;
        next(i + 1);
      };
      return when(bytesOf(slice(blobs[i], 0, HEAD)), go, () => go(null));
    };
    next(0);
  }

  /**
   * For sinks that cannot wait: blobs without a type can only be warned of.
   * @param {any} body @returns {boolean} whether to stop it
   */
  function watch(body) {
    if (strict === 'off' || typeof body === 'string' || body === null || body === undefined) return false;
    const { photos, doubtful } = quietly(() => sort(body), { photos: 0, doubtful: [] });
    if (photos) report(photos);
    else if (doubtful.length) {
      openDoubtful(doubtful, (count) => {
        if (count) channel.send({ type: 'unseen', blocked: false, count });
      });
    }
    return photos > 0 && strict === 'block';
  }

  function patch() {
    replace(Blob.prototype, 'slice', (self, args, native) => {
      const part = apply(native, self, args);
      if (weakSet.has(known, self)) weakSet.add(known, part);
      return part;
    });

    replace(globalThis, 'fetch', (self, args, native) => {
      const go = () => apply(native, self, args);
      const body = quietly(() => args[1]?.body, undefined);
      if (strict === 'off' || !body || typeof body === 'string') return go();
      const { photos, doubtful } = quietly(() => sort(body), { photos: 0, doubtful: [] });
      return new make.Promise((resolve, reject) => {
        const judge = (/** @type {number} */ count) => {
          if (count) report(count);
          if (count && strict === 'block') reject(new make.TypeError('Failed to fetch'));
          else resolve(go());
        };
        if (photos || !doubtful.length) judge(photos);
        else openDoubtful(doubtful, judge);
      });
    });

    replace(XMLHttpRequest.prototype, 'send', (self, args, native) => {
      if (!watch(args[0])) return apply(native, self, args);
      later(() => {
        page.dispatch(self, new make.ProgressEvent('error'));
        page.dispatch(self, new make.ProgressEvent('loadend'));
      }, 0);
      return undefined;
    });

    replace(Navigator.prototype, 'sendBeacon', (self, args, native) =>
      watch(args[1]) ? false : apply(native, self, args),
    );

    replace(WebSocket.prototype, 'send', (self, args, native) => {
      if (watch(args[0])) throw new make.DOMException('The message could not be sent.', 'NetworkError');
      return apply(native, self, args);
    });

    // Pictures a script adds to a form while the browser is sending it.
    page.listen(window, 'formdata', (/** @type {any} */ event) => {
      const form = formDataOf(event);
      if (!watch(form)) return;
      /** @type {string[]} */
      const names = [];
      everyEntry(form, (/** @type {any} */ value, /** @type {string} */ name) => {
        if (sort(value).photos) append(names, name);
      });
      for (let i = 0; i < names.length; i += 1) deleteEntry(form, names[i]);
    });
  }

  channel.on('policy', (/** @type {any} */ letter) => {
    strict = letter.active ? letter.strict : 'off';
    if (strict === 'off' || patched) return;
    patched = true;
    patch();
  });
})();
