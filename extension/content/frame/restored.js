// @ts-check
/**
 * A restored picture, over the one in the page. It is painted on a canvas in a closed shadow root and never
 * becomes the page's picture: what is put into an `<img>` can be read by the page's scripts.
 */

/* exported restored */
const restored = (() => {
  const STYLE = `
    :host {
      all: initial !important;
      position: fixed !important;
      inset: 0 !important;
      z-index: 2147483646 !important;
      display: block !important;
      pointer-events: none !important;
    }
    .place {
      position: absolute;
      overflow: hidden;
    }
    canvas {
      display: block;
      inline-size: 100%;
      block-size: 100%;
    }
    .bar {
      position: absolute;
      inset: auto 8px 8px 8px;
      display: flex;
      gap: 8px;
      justify-content: flex-end;
    }
    button {
      pointer-events: auto;
      font:
        550 13px/1.3 system-ui,
        sans-serif;
      color: #fff;
      background: rgb(16 22 19 / 82%);
      border: 1px solid rgb(255 255 255 / 60%);
      border-radius: 6px;
      padding: 6px 12px;
      cursor: pointer;
    }
    button:focus-visible {
      outline: 2px solid #fff;
      outline-offset: 2px;
    }
  `;

  /** @type {Map<Element, () => void>} */
  const undo = new Map();

  /** @param {string} url */
  const find = (url) =>
    [...document.images]
      .filter(({ currentSrc, src }) => currentSrc === url || src === url)
      .sort((a, b) => b.width * b.height - a.width * a.height)[0];

  /** The part of an element that can be seen, with what its ancestors cut off. @param {Element} element */
  function visiblePart(element) {
    const box = element.getBoundingClientRect();
    let [left, top, right, bottom] = [0, 0, innerWidth, innerHeight];
    for (let at = element.parentElement; at; at = at.parentElement) {
      if (getComputedStyle(at).overflow === 'visible') continue;
      const edge = at.getBoundingClientRect();
      [left, top] = [Math.max(left, edge.left), Math.max(top, edge.top)];
      [right, bottom] = [Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
    }
    return {
      box,
      cut: [top - box.top, box.right - right, box.bottom - bottom, left - box.left].map((n) =>
        Math.max(0, n),
      ),
    };
  }

  /** @param {HTMLElement} place @param {HTMLImageElement} image @param {string} url */
  function follow(place, image, url) {
    const step = () => {
      if (!place.isConnected) return;
      // The page shows another picture there now.
      if (!image.isConnected || (image.currentSrc !== url && image.src !== url)) {
        undo.get(image)?.();
        return;
      }
      const { box, cut } = visiblePart(image);
      const { left, top, width, height } = box;
      Object.assign(place.style, {
        left: `${left}px`,
        top: `${top}px`,
        width: `${width}px`,
        height: `${height}px`,
      });
      place.style.clipPath = `inset(${cut.map((n) => `${n}px`).join(' ')})`;
      requestAnimationFrame(step);
    };
    step();
  }

  /**
   * Paint it as the page shows the other one.
   * @param {ImageBitmap} picture
   * @param {HTMLImageElement} image
   */
  function paint(picture, image) {
    const canvas = document.createElement('canvas');
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext('2d')?.drawImage(picture, 0, 0);
    const { objectFit, objectPosition, borderRadius } = getComputedStyle(image);
    Object.assign(canvas.style, { objectFit, objectPosition, borderRadius });
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', words.say('chip_restored'));
    return canvas;
  }

  /** @param {string} url @param {Blob} photo @returns {Promise<boolean>} false if the picture is gone */
  async function show(url, photo) {
    const picture = await createImageBitmap(photo).catch(() => null);
    const image = find(url);
    if (!picture || !image) return false;
    undo.get(image)?.();
    const host = document.createElement('div');
    const root = host.attachShadow({ mode: 'closed' });
    const style = document.createElement('style');
    style.textContent = STYLE;
    const place = document.createElement('div');
    place.className = 'place';
    const bar = document.createElement('div');
    bar.className = 'bar';
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = words.say('chip_restored_undo');
    bar.append(button);
    place.append(paint(picture, image), bar);
    root.append(style, place);
    picture.close();
    const remove = () => {
      host.remove();
      undo.delete(image);
    };
    undo.set(image, remove);
    button.addEventListener('click', (event) => {
      if (event.isTrusted) remove();
    });
    (image.closest('dialog:modal') ?? document.documentElement).append(host);
    follow(place, image, url);
    return true;
  }

  return { show };
})();
