// @ts-check
/** Reading a picture of this page, for the user who wants it restored or checked. */

/* exported reading */
const reading = (() => {
  /** @param {string} url */
  function isOwn(url) {
    try {
      return (
        ['data:', 'blob:'].includes(new URL(url).protocol) ||
        new URL(url, location.href).origin === location.origin
      );
    } catch {
      return false;
    }
  }

  /**
   * What is on the screen, where the address no longer leads to it.
   * @param {string} url
   * @returns {Promise<Blob | null>}
   */
  async function fromScreen(url) {
    const image = [...document.images].find(({ currentSrc, src }) => currentSrc === url || src === url);
    if (!image?.naturalWidth) return null;
    const canvas = document.createElement('canvas');
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    canvas.getContext('2d')?.drawImage(image, 0, 0);
    return new Promise((resolve) => {
      canvas.toBlob(resolve, 'image/png');
    });
  }

  /** @param {string} url @returns {Promise<Blob | null>} null if this frame cannot */
  async function read(url) {
    if (!isOwn(url)) return null;
    const [embedded] = url.startsWith('data:') ? flavours.embedded(url) : [];
    if (embedded) return new Blob([embedded], { type: embedded.type });
    try {
      const response = await fetch(url, { credentials: 'include' });
      if (response.ok) return await response.blob();
    } catch {
      // the page's policy forbids it, or the address was taken back
    }
    return fromScreen(url).catch(() => null); // throws for what other sites lent
  }

  return { read };
})();
