// @ts-check
/**
 * The chip: cards in a corner of the page, in a closed shadow root on the top layer. It is put back where the
 * page takes it away, and goes by itself when all is said.
 */

/* exported chip */
const chip = (() => {
  const STAYS = 9_000; // milliseconds a result is shown, while nobody points at it
  const LEAST_PAUSE = 100; // between two times of putting it back
  const LONGEST_PAUSE = 3_000;

  /** @typedef {{card: ReturnType<typeof chipCard.make>, view: View, press: Press, timer: number}} Shown */

  /** @type {Map<string, Shown>} */
  const shown = new Map();
  /** @type {{host: HTMLElement, stack: HTMLElement, polite: HTMLElement, urgent: HTMLElement} | null} */
  let ui = null;
  let pause = LEAST_PAUSE;
  let timer = 0;
  let said = '';

  /** @param {ShadowRoot} root */
  function dress(root) {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(chipStyle);
      root.adoptedStyleSheets = [sheet];
    } catch {
      // Firefox does not let extensions adopt sheets; there, a page's policy does not concern this element.
      root.append(chipCard.element('style', '', chipStyle));
    }
  }

  function build() {
    const host = document.createElement('div');
    const root = host.attachShadow({ mode: 'closed' });
    const stack = chipCard.element('div', 'stack');
    const polite = chipCard.element('div', 'said');
    const urgent = chipCard.element('div', 'said');
    polite.setAttribute('role', 'status');
    urgent.setAttribute('role', 'alert');
    host.popover = 'manual';
    host.dir = words.direction();
    host.lang = words.language();
    dress(root);
    root.append(stack, polite, urgent);
    root.addEventListener('keydown', onKey);
    // The page has no use for what happens in here.
    for (const type of [
      'click',
      'keydown',
      'keyup',
      'keypress',
      'pointerdown',
      'pointerup',
      'mousedown',
      'mouseup',
    ]) {
      root.addEventListener(type, (event) => event.stopPropagation());
    }
    for (const type of ['pointerenter', 'focusin']) stack.addEventListener(type, hold);
    for (const type of ['pointerleave', 'focusout']) stack.addEventListener(type, () => setTimeout(release));
    return { host, stack, polite, urgent };
  }

  /** @param {Event} event */
  function onKey(event) {
    if (/** @type {KeyboardEvent} */ (event).key !== 'Escape') return;
    for (const { card, view, press } of shown.values()) {
      if (!card.element.contains(/** @type {Node} */ (event.target))) continue;
      if (isOver(view)) press('close', null);
      else card.fold(true);
    }
  }

  /** Outside an open modal dialog all is inert, so the chip goes into it. @returns {Element} */
  function place() {
    let at = document.activeElement;
    for (let root = roots.shadowOf(at); root?.activeElement; root = roots.shadowOf(at))
      at = root.activeElement;
    const dialogs = document.querySelectorAll('dialog:modal');
    return at?.closest('dialog:modal') ?? dialogs[dialogs.length - 1] ?? document.documentElement;
  }

  /** See that it is there, and on top. */
  function settle() {
    if (!ui || !shown.size) return;
    const { host } = ui;
    const parent = place();
    if (host.parentNode !== parent) parent.append(host);
    if (host.getAttribute('popover') !== 'manual') host.popover = 'manual';
    for (const name of ['hidden', 'inert', 'style', 'class', 'aria-hidden']) host.removeAttribute(name);
    if (!host.matches(':popover-open')) host.showPopover();
    watcher.takeRecords();
  }

  /** A page that fights back is answered ever more slowly, but always. */
  function settleLater() {
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      pause = Math.min(pause * 1.5, LONGEST_PAUSE);
      settle();
    }, pause);
  }

  /** What was put on the top layer later, as an element in full screen, lies above. */
  function raise() {
    if (ui?.host.matches(':popover-open')) ui.host.hidePopover();
    settle();
  }

  const watcher = new MutationObserver(() => {
    if (
      ui &&
      (!ui.host.matches(':popover-open') ||
        ui.host.parentNode !== place() ||
        ui.host.matches('[inert],[hidden],[style]'))
    ) {
      settleLater();
    }
  });

  function open() {
    ui ??= build();
    watcher.observe(document, {
      childList: true,
      subtree: true,
      attributeFilter: ['open', 'popover', 'inert', 'hidden', 'style'],
    });
    ui.host.addEventListener('toggle', settleLater);
    document.addEventListener('fullscreenchange', raise);
    pause = LEAST_PAUSE;
    settle();
  }

  function close() {
    watcher.disconnect();
    document.removeEventListener('fullscreenchange', raise);
    ui?.host.removeEventListener('toggle', settleLater);
    ui?.host.remove();
    ui = null;
    said = '';
  }

  /** Read out, once each. @param {View} view */
  function say(view) {
    const text = [view.title, ...view.lines].map((line) => line.replace(/[.…]?$/, '.')).join(' ');
    if (!ui || said === text) return;
    // Steps in between are in the progress bar; reading out each would talk over the page.
    if (view.tone === 'busy' && said.startsWith(view.title.replace(/[.…]?$/, '.'))) return;
    said = text;
    const urgent = view.tone === 'stuck' || view.tone === 'ask';
    (urgent ? ui.urgent : ui.polite).textContent = text;
  }

  const isOver = (/** @type {View} */ view) => view.tone === 'done' || view.tone === 'note';

  /** Results stay while somebody reads them. */
  function hold() {
    for (const each of shown.values()) clearTimeout(each.timer);
  }

  function release() {
    hold();
    if (ui?.stack.matches(':hover, :focus-within')) return;
    for (const each of shown.values()) {
      if (isOver(each.view)) each.timer = setTimeout(() => each.press('close', null), STAYS);
    }
  }

  /** @param {string} key @param {View} view @param {Press} press */
  function show(key, view, press) {
    let one = shown.get(key);
    if (!one) {
      one = {
        card: chipCard.make((action, index) => shown.get(key)?.press(action, index)),
        view,
        press,
        timer: 0,
      };
      shown.set(key, one);
    }
    Object.assign(one, { view, press });
    one.card.update(view);
    open();
    if (!one.card.element.isConnected) ui?.stack.append(one.card.element);
    say(view);
    release();
  }

  /** @param {string} key */
  function remove(key) {
    const one = shown.get(key);
    if (!one) return;
    clearTimeout(one.timer);
    one.card.element.remove();
    shown.delete(key);
    if (!shown.size) close();
  }

  return {
    show,
    remove,
    /** @param {string} key @param {Pair[]} pairs */
    async compare(key, pairs) {
      const pictures = await chipPictures.make(pairs);
      shown.get(key)?.card.toggle(pictures);
    },
    host: () => ui?.host ?? null,
  };
})();
