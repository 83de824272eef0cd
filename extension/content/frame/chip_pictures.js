// @ts-check
/**
 * Before and after, side by side; painted on canvases, because a page's policy may forbid pictures of ours.
 */

/**
 * `box`: round the faces, in pixels.
 * @typedef {{before: Blob, after: Blob, box: [number, number, number, number] | null}} Pair
 */

/* exported chipPictures */
const chipPictures = (() => {
  const WIDTH = 400; // pixels of the canvas; twice what it shows
  const MOST = 20;
  const MUCH = 0.6; // a part of the photo that is nearly the whole of it

  /**
   * What to show of a photo: the faces with what is around them, where they are small in it.
   * @param {ImageBitmap} picture
   * @param {Pair['box']} box
   * @returns {[number, number, number, number]} x, y, width, height
   */
  function cut({ width, height }, box) {
    if (!box) return [0, 0, width, height];
    const side = 2.2 * Math.max(box[2] - box[0], box[3] - box[1]);
    const [wide, high] = [Math.min(width, side), Math.min(height, side)];
    if (wide * high > MUCH * width * height) return [0, 0, width, height];
    const start = (
      /** @type {number} */ from,
      /** @type {number} */ to,
      /** @type {number} */ size,
      /** @type {number} */ all,
    ) => Math.min(Math.max(0, (from + to - size) / 2), all - size);
    return [start(box[0], box[2], wide, width), start(box[1], box[3], high, height), wide, high];
  }

  /** @param {Blob} blob @param {string} label @param {Pair['box']} box */
  async function paint(blob, label, box) {
    const cell = chipCard.element('div');
    try {
      const picture = await createImageBitmap(blob);
      const canvas = chipCard.element('canvas');
      canvas.setAttribute('role', 'img');
      canvas.setAttribute('aria-label', label);
      const [x, y, width, height] = cut(picture, box);
      canvas.width = Math.min(WIDTH, Math.round(width));
      canvas.height = Math.max(1, Math.round((height * canvas.width) / width));
      canvas.getContext('2d')?.drawImage(picture, x, y, width, height, 0, 0, canvas.width, canvas.height);
      picture.close();
      cell.append(canvas);
    } catch {
      // A type the browser does not show, as HEIC.
      cell.append(chipCard.element('p', '', words.say('chip_compare_none')));
    }
    return cell;
  }

  /** @param {Pair[]} pairs */
  async function make(pairs) {
    const grid = chipCard.element('div', 'pictures');
    const [before, after] = [words.say('chip_compare_before'), words.say('chip_compare_after')];
    grid.append(chipCard.element('p', '', before), chipCard.element('p', '', after));
    for (const pair of pairs.slice(0, MOST)) {
      grid.append(await paint(pair.before, before, pair.box), await paint(pair.after, after, pair.box));
    }
    return grid;
  }

  return { make };
})();
