// @ts-check
/**
 * Two pictures of the same scene, to look at: one over the other with a line between them to move, or side by
 * side; fitted to the page or enlarged.
 *
 * @module
 */

import { button, element } from './elements.js';
import { text } from './text.js';

/** @typedef {import('./messages.js').Face} Face */

const STEPS = [1, 1.5, 2, 3, 4, 6, 8, 12];
/** How much of the view's width a face gets when it is looked at. */
const FACE_SHARE = 0.5;

/** One comparison; its object URLs live as long as it is shown. */
export class Compare {
  #place;
  /** @type {string[]} */
  #addresses = [];

  /** @param {HTMLElement} place  its content is replaced */
  constructor(place) {
    this.#place = place;
  }

  /**
   * @param {{photo: Blob, label: string}} first  at the left
   * @param {{photo: Blob, label: string}} second
   * @param {Face | undefined} face  where to look, in pixels of the pictures
   */
  show(first, second, face) {
    this.clear();
    this.#addresses = [first, second].map(({ photo }) => URL.createObjectURL(photo));
    const [left, right] = [first, second].map(({ label }, index) => this.#pane(label, index));
    const line = element('div', { class: 'compare-line', 'aria-hidden': 'true' });
    const stage = element('div', { class: 'compare-stage' }, left, right, line);
    const slider = element('input', {
      type: 'range',
      min: '0',
      max: '100',
      value: '50',
      class: 'compare-slider',
      'aria-label': text('common_compare_slider', first.label, second.label),
    });
    const view = element(
      'div',
      {
        class: 'compare-view',
        tabindex: '0',
        role: 'group',
        'aria-label': text('common_compare', first.label, second.label),
      },
      stage,
    );
    const cut = () => stage.style.setProperty('--cut', `${slider.value}%`);
    slider.addEventListener('input', cut);
    cut();
    followPointer(stage, slider, cut);
    const [one, other] = [first, second].map(({ label }) =>
      element('span', { class: 'compare-label', 'aria-hidden': 'true' }, label),
    );
    const frame = element('div', { class: 'compare-frame' }, view, one ?? null, other ?? null);
    this.#place.replaceChildren(
      element('div', { class: 'compare' }, frame, slider, tools(view, stage, slider, face, cut)),
    );
  }

  /**
   * @param {string} label
   * @param {number} index
   */
  #pane(label, index) {
    const picture = element('img', { src: this.#addresses[index] ?? '', alt: label, draggable: 'false' });
    const pane = element('div', { class: 'compare-pane' }, picture);
    // HEIC, for instance, is protected and restored, but few browsers show it
    picture.addEventListener('error', () =>
      picture.replaceWith(element('p', { class: 'compare-blank soft' }, text('common_compare_blank'))),
    );
    picture.addEventListener('load', () => {
      // the pictures, and the slider that is as wide
      this.#place.style.setProperty('--ratio', `${picture.naturalWidth / picture.naturalHeight}`);
    });
    return pane;
  }

  clear() {
    this.#addresses.forEach((each) => URL.revokeObjectURL(each));
    this.#addresses = [];
    this.#place.replaceChildren();
  }
}

/**
 * Dragging anywhere on the pictures moves the line.
 * @param {HTMLElement} stage
 * @param {HTMLInputElement} slider
 * @param {() => void} cut
 */
function followPointer(stage, slider, cut) {
  const follow = (/** @type {PointerEvent} */ event) => {
    if (stage.classList.contains('beside') || !(event.buttons & 1)) return;
    const { left, width } = stage.getBoundingClientRect();
    slider.value = String(((event.clientX - left) / width) * 100);
    cut();
  };
  stage.addEventListener('pointerdown', (event) => {
    // a finger may leave the pictures; a mouse that grabs a scroll bar is not on the stage
    if (!stage.classList.contains('beside')) stage.setPointerCapture(event.pointerId);
    follow(event);
  });
  stage.addEventListener('pointermove', follow);
}

/**
 * @param {HTMLElement} view
 * @param {HTMLElement} stage
 * @param {HTMLInputElement} slider
 * @param {Face | undefined} face
 * @param {() => void} cut
 */
function tools(view, stage, slider, face, cut) {
  let step = 0;
  const shown = element('span', { class: 'compare-zoom small', role: 'status' });
  /** @param {number} to  index in STEPS @param {{x: number, y: number}} [centre]  as shares of the stage */
  const zoom = (to, centre = middle(view)) => {
    step = Math.min(Math.max(to, 0), STEPS.length - 1);
    const factor = STEPS[step] ?? 1;
    stage.style.setProperty('--zoom', `${factor}`);
    shown.textContent = step === 0 ? text('common_zoom_fit') : `${factor * 100} %`;
    view.scrollLeft = stage.offsetLeft + centre.x * stage.offsetWidth - view.clientWidth / 2;
    view.scrollTop = stage.offsetTop + centre.y * stage.offsetHeight - view.clientHeight / 2;
  };
  const lookAtFace = () => {
    const picture = stage.querySelector('img');
    if (!face || !picture) return;
    const [left, top, right, bottom] = face.box;
    const fitted = stage.offsetWidth / (STEPS[step] ?? 1);
    const wanted = (FACE_SHARE * view.clientWidth * picture.naturalWidth) / (fitted * (right - left));
    const to = STEPS.findLastIndex((factor) => factor <= Math.max(wanted, 1));
    const centre = {
      x: (left + right) / 2 / picture.naturalWidth,
      y: (top + bottom) / 2 / picture.naturalHeight,
    };
    slider.value = `${centre.x * 100}`;
    cut();
    if (stage.classList.contains('beside')) centre.x /= 2;
    zoom(to, centre);
  };
  const beside = button(
    text('common_compare_beside'),
    () => {
      const on = stage.classList.toggle('beside');
      slider.hidden = on;
      beside.setAttribute('aria-pressed', String(on));
      zoom(0);
    },
    'toggle',
  );
  beside.setAttribute('aria-pressed', 'false');
  zoom(0);
  return element(
    'div',
    { class: 'compare-tools row' },
    tool('−', 'common_zoom_out', () => zoom(step - 1)),
    shown,
    tool('+', 'common_zoom_in', () => zoom(step + 1)),
    face ? button(text('common_zoom_face'), lookAtFace) : null,
    beside,
  );
}

/** What is in the middle of the view, as shares of all. @param {HTMLElement} view */
function middle(view) {
  return {
    x: (view.scrollLeft + view.clientWidth / 2) / view.scrollWidth,
    y: (view.scrollTop + view.clientHeight / 2) / view.scrollHeight,
  };
}

/**
 * @param {string} sign
 * @param {string} key
 * @param {() => void} onClick
 */
function tool(sign, key, onClick) {
  const made = button(sign, onClick);
  made.setAttribute('aria-label', text(key));
  made.title = text(key);
  return made;
}
