// @ts-check
/**
 * A copy of a protected photo whose mark makes a key likely and does not prove it.
 *
 * @module
 */

/** @typedef {{photos: import('./photos.js').Photos, browser: import('./browser.js').Browser}} Place */

/**
 * The largest copy that is small enough.
 * @param {Place} place
 * @param {Uint8Array} bytes of the protected photo
 */
export async function faintCopy({ photos, browser }, bytes) {
  for (let scale = 0.8; scale > 0.3; scale *= 0.95) {
    const name = `faint-${scale.toFixed(2)}.jpg`;
    const copy = await photos.write(name, await photos.recompress(bytes, { scale }));
    const asked = /** @type {const} */ ({ type: 'restore', id: name, circle: null, force: false });
    const refusal = await browser.ask({ ...asked, photo: copy.bytes }).then(
      () => null,
      (error) => error,
    );
    if (refusal?.likely) return copy;
  }
  throw new Error('no copy was faint enough');
}
