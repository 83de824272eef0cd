// @ts-check
/**
 * Reading a picture in the frame that shows it: its own pictures, those made in the page, and those that the
 * page itself could read. Nothing but the page's own standing is used.
 *
 * @module
 */

/** @typedef {import('../shared/messages.js').PictureSource} PictureSource */

/**
 * @param {{tab: number, frame: number}} where
 * @param {{type: string, url: string | null, photo?: Blob}} message
 * @returns {Promise<any>} undefined where no content script answers
 */
export function askFrame({ tab, frame }, message) {
  return chrome.tabs.sendMessage(tab, message, { frameId: frame }).catch(() => undefined);
}

/**
 * Asks the content script, which knows the page's own pictures. Others may be open to the page, and where
 * there is no content script, the click in the menu permits to run one function in the tab.
 * @param {PictureSource} source
 * @param {number} most  bytes
 * @returns {Promise<Blob | null>} null where it cannot be read
 */
export async function readInFrame({ url, tab, frame }, most) {
  const answer = await askFrame({ tab, frame }, { type: 'read-picture', url });
  if (answer?.photo instanceof Blob) return answer.photo;
  const results = await chrome.scripting
    .executeScript({ target: { tabId: tab, frameIds: [frame] }, func: readAsData, args: [url, most] })
    .catch(() => []);
  const data = results[0]?.result;
  return typeof data === 'string' ? (await fetch(data)).blob() : null;
}

/**
 * Runs in the frame, so it stands alone. A result that is not JSON would be lost, hence the address with
 * data.
 * @param {string} url
 * @param {number} most
 * @returns {Promise<string | null>}
 */
async function readAsData(url, most) {
  /** @param {Blob} blob @returns {Promise<string>} */
  const asData = (blob) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
  try {
    const response = await fetch(url);
    const blob = response.ok ? await response.blob() : null;
    if (blob && blob.size <= most) return await asData(blob);
  } catch {
    // the address of a blob is often taken back once the picture is shown: then there are only its pixels
  }
  const image = [...document.images].find((each) => each.currentSrc === url && each.naturalWidth > 0);
  if (!image || !url.startsWith('blob:')) return null;
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  canvas.getContext('2d')?.drawImage(image, 0, 0);
  try {
    return canvas.toDataURL('image/png');
  } catch {
    return null;
  }
}
