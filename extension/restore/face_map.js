// @ts-check
/**
 * A picture with a frame around each face that was found.
 *
 * @module
 */

import { element } from '../shared/elements.js';
import { text } from '../shared/text.js';

/** @typedef {import('../shared/messages.js').Face} Face */
/** @typedef {import('./source.js').Picture} Picture */

/**
 * @param {Picture} picture
 * @param {Face[]} faces  boxes in pixels of the picture as displayed
 */
export function faceMap({ photo, name }, faces) {
  const view = element('figure', { class: 'inspected' });
  const address = URL.createObjectURL(photo);
  const image = element('img', { src: address, alt: name });
  image.addEventListener('load', () => {
    URL.revokeObjectURL(address);
    view.append(
      ...faces.map(({ box: [left, top, right, bottom] }) => {
        const frame = element('span', { class: 'face', 'aria-hidden': 'true' });
        const share = (/** @type {number} */ part, /** @type {number} */ whole) => `${(part / whole) * 100}%`;
        frame.style.setProperty('--left', share(left, image.naturalWidth));
        frame.style.setProperty('--top', share(top, image.naturalHeight));
        frame.style.setProperty('--width', share(right - left, image.naturalWidth));
        frame.style.setProperty('--height', share(bottom - top, image.naturalHeight));
        return frame;
      }),
    );
  });
  image.addEventListener('error', () => {
    URL.revokeObjectURL(address);
    image.replaceWith(element('p', { class: 'compare-blank soft' }, text('common_compare_blank')));
  });
  view.append(image);
  return view;
}
