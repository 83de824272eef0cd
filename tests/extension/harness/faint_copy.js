// @ts-check
/**
 * A copy of a protected photo whose mark makes a key likely and does not prove it.
 *
 * @module
 */

/** @typedef {{photos: import('./photos.js').Photos, browser: import('./browser.js').Browser}} Place */

/**
 * The first such copy, from large ones to small ones. How well a key's mark reads changes by leaps
 * from copy to copy: of these 57 eight were faint under the worst of 30 keys, and mostly more.
 * @param {Place} place
 * @param {Uint8Array} bytes of the protected photo
 */
export async function faintCopy({ photos, browser }, bytes) {
  for (let scale = 0.8; scale > 0.45; scale *= 0.97) {
    for (const quality of [75, 80, 85]) {
      const name = `faint-${scale.toFixed(3)}-${quality}.jpg`;
      const copy = await photos.write(name, await photos.recompress(bytes, { quality, scale }));
      const asked = /** @type {const} */ ({ type: 'restore', id: name, circle: null, force: false });
      const refusal = await browser.ask({ ...asked, photo: copy.bytes }).then(
        () => null,
        (error) => error,
      );
      if (refusal?.likely) return copy;
    }
  }
  throw new Error('no copy was faint enough');
}
