// @ts-check
/** One card of the chip: builds the elements of a `View`, and keeps those that stay when it changes. */

/** @typedef {(action: string, index: number | null) => void} Press */

/* exported chipCard */
const chipCard = (() => {
  const SVG = 'http://www.w3.org/2000/svg';
  const SHIELD = 'M10 1.6 3 4.2v5.1c0 4.3 2.9 7.6 7 9.1 4.1-1.5 7-4.8 7-9.1V4.2z';
  const MARKS = {
    busy: 'M6.5 10h.01M10 10h.01M13.5 10h.01',
    ask: 'M8 8a2 2 0 1 1 2.8 1.8c-.5.3-.8.7-.8 1.3M10 13.6h.01',
    stuck: 'M10 6v4.4M10 13.2h.01',
    done: 'm6.8 10 2.2 2.2 4.2-4.4',
    note: 'M10 9.4v4M10 6.6h.01',
  };
  const CLOSE = 'm4 4 8 8M12 4l-8 8';
  const FOLD = 'm4 6 4 4 4-4';
  const UNFOLD = 'm4 10 4-4 4 4';
  const IN_SIGHT = 500; // milliseconds before a careful button works

  /**
   * @template {keyof HTMLElementTagNameMap} T
   * @param {T} name @param {string} [style] @param {string} [text]
   */
  function element(name, style = '', text = '') {
    const made = document.createElement(name);
    if (style) made.className = style;
    if (text) made.textContent = text;
    return made;
  }

  /** @param {number} size @param {...string} paths */
  function drawing(size, ...paths) {
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
    svg.setAttribute('fill', 'none');
    svg.setAttribute('stroke', 'currentColor');
    svg.setAttribute('stroke-width', size > 16 ? '1.6' : '1.5');
    svg.setAttribute('stroke-linecap', 'round');
    svg.setAttribute('stroke-linejoin', 'round');
    svg.setAttribute('aria-hidden', 'true');
    for (const d of paths) svg.appendChild(document.createElementNS(SVG, 'path')).setAttribute('d', d);
    return svg;
  }

  /**
   * Enable a button once it has been fully in sight for a moment, so that nothing slid under a click sends a
   * photo. Chromium also tells whether the page covers it.
   * @param {HTMLButtonElement} button
   */
  function guard(button) {
    button.disabled = true;
    let timer = 0;
    const options = /** @type {IntersectionObserverInit} */ ({
      threshold: 1,
      trackVisibility: true,
      delay: 100,
    });
    new IntersectionObserver((entries) => {
      const last = /** @type {any} */ (entries[entries.length - 1]);
      const seen = last.isIntersecting && last.isVisible !== false;
      clearTimeout(timer);
      if (seen)
        timer = setTimeout(() => {
          button.disabled = false;
        }, IN_SIGHT);
      else button.disabled = true;
    }, options).observe(button);
  }

  /** @param {ViewButton} view @param {Press} press */
  function buttonOf(view, press) {
    const button = element('button', view.look, view.label);
    button.type = 'button';
    button.addEventListener('click', (event) => {
      if (event.isTrusted && !button.disabled) press(view.action, view.index);
    });
    if (view.look === 'careful') guard(button);
    return button;
  }

  /** @param {string} label @param {string} path @param {() => void} act */
  function iconButton(label, path, act) {
    const button = element('button', 'icon');
    button.type = 'button';
    button.setAttribute('aria-label', label);
    button.title = label;
    button.append(drawing(16, path));
    button.addEventListener('click', (event) => {
      if (event.isTrusted) act();
    });
    return button;
  }

  /** The careful ones in a row of their own, below. @param {ViewButton[]} list @param {Press} press */
  function rowsOf(list, press) {
    const isCareful = (/** @type {ViewButton} */ { look }) => look === 'careful';
    return [list.filter((each) => !isCareful(each)), list.filter(isCareful)]
      .filter((some) => some.length)
      .map((some) => {
        const row = element('div', 'buttons');
        row.append(...some.map((each) => buttonOf(each, press)));
        return row;
      });
  }

  /** @param {ViewPhoto} photo @param {Press} press */
  function itemOf(photo, press) {
    const item = element('li');
    item.append(element('p', 'name', photo.name));
    for (const text of [photo.title, photo.hint]) if (text) item.append(element('p', 'line', text));
    const row = element('div', 'buttons');
    row.append(...photo.buttons.map((view) => buttonOf(view, press)));
    item.append(row);
    return item;
  }

  /** @param {{done: number, total: number}} progress @param {string} label */
  function barOf({ done, total }, label) {
    const bar = element('div', 'bar');
    bar.setAttribute('role', 'progressbar');
    bar.setAttribute('aria-label', label);
    // One photo has no steps: that something is going on is all there is to show.
    if (total < 2) {
      bar.dataset.endless = '';
    } else {
      bar.setAttribute('aria-valuemax', String(total));
      bar.setAttribute('aria-valuenow', String(done));
    }
    const fill = element('div', 'fill');
    fill.style.inlineSize = `${total ? Math.round((100 * done) / total) : 0}%`;
    bar.append(fill);
    return bar;
  }

  /** @param {HTMLElement} old @param {HTMLElement} next  the same bar, further on: so that it moves */
  function moveBar(old, next) {
    for (const name of ['aria-valuenow', 'aria-label']) old.setAttribute(name, next.getAttribute(name) ?? '');
    /** @type {HTMLElement} */ (old.firstElementChild).style.inlineSize = /** @type {HTMLElement} */ (
      next.firstElementChild
    ).style.inlineSize;
  }

  /**
   * @param {Press} press
   * @returns {{element: HTMLElement, update: (view: View) => void, fold: (folded: boolean) => void,
   *            toggle: (pictures: HTMLElement) => void}}
   */
  function make(press) {
    const card = element('section', 'card');
    const head = element('div', 'head');
    const mark = element('span', 'mark');
    const title = element('p', 'title');
    const corner = element('span');
    const body = element('div', 'body');
    card.tabIndex = -1;
    head.append(mark, title, corner);
    card.append(head, body);
    let last = '';
    let tone = '';
    let folded = false;
    /** @type {HTMLElement | null} */
    let bar = null;

    function drawCorner() {
      const over = tone === 'done' || tone === 'note';
      const path = over ? CLOSE : folded ? UNFOLD : FOLD;
      const label = words.say(over ? 'chip_close' : folded ? 'chip_expand' : 'chip_collapse');
      const button = iconButton(label, path, () => (over ? press('close', null) : fold(!folded)));
      if (!over) button.setAttribute('aria-expanded', String(!folded));
      const focused = corner.firstElementChild?.matches(':focus');
      corner.replaceChildren(button);
      if (focused) button.focus();
    }

    /** @param {boolean} wish */
    function fold(wish) {
      folded = wish;
      card.toggleAttribute('data-folded', folded);
      drawCorner();
    }

    /** @param {View} view */
    function update(view) {
      title.textContent = view.title;
      if (view.tone !== tone) {
        tone = view.tone;
        card.dataset.tone = tone;
        mark.replaceChildren(drawing(20, SHIELD, MARKS[view.tone]));
        card.setAttribute('role', tone === 'stuck' || tone === 'ask' ? 'alertdialog' : 'group');
        card.setAttribute('aria-label', `${words.say('chip_name')}: ${view.title}`);
        if (tone === 'stuck' || tone === 'ask') fold(false);
        else drawCorner();
      }
      const { progress, ...rest } = view;
      const nextBar = progress && barOf(progress, view.title);
      const lines = view.lines.map((text) => element('p', 'line', text));
      // What can be pressed stays the same element, so that it keeps the focus.
      const same = JSON.stringify({ ...rest, title: '', lines: [] });
      if (same === last && nextBar && bar) {
        moveBar(bar, nextBar);
        body.querySelectorAll('.line').forEach((line) => line.remove());
        body.prepend(...lines);
        return;
      }
      last = same;
      bar = nextBar;
      const list = element('ul', 'photos');
      list.append(...view.photos.map((photo) => itemOf(photo, press)));
      body.replaceChildren(
        ...lines,
        ...(bar ? [bar] : []),
        ...(view.photos.length ? [list] : []),
        ...rowsOf(view.buttons, press),
      );
    }

    return {
      element: card,
      update,
      fold,
      toggle: (pictures) => {
        const old = body.querySelector('.pictures');
        if (old) old.remove();
        else body.append(pictures);
      },
    };
  }

  return { make, element };
})();
