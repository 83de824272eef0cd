// @ts-check
/** Before and after, side by side; painted on canvases, because a page's policy may forbid pictures of ours. */

/** @typedef {{before: Blob, after: Blob}} Pair */

/* exported chipPictures */
const chipPictures = (() => {
  const WIDTH = 400; // pixels of the canvas; twice what it shows
  const MOST = 20;

  /** @param {Blob} blob @param {string} label */
  async function paint(blob, label) {
    const cell = chipCard.element('div');
    try {
      const picture = await createImageBitmap(blob);
      const canvas = chipCard.element('canvas');
      canvas.setAttribute('role', 'img');
      canvas.setAttribute('aria-label', label);
      canvas.width = Math.min(WIDTH, picture.width);
      canvas.height = Math.max(1, Math.round((picture.height * canvas.width) / picture.width));
      canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
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
      grid.append(await paint(pair.before, before), await paint(pair.after, after));
    }
    return grid;
  }

  return { make };
})();
