// @ts-check
/**
 * The chip as a person meets it. It lives in a closed shadow root, where the page's scripts cannot look, nor
 * puppeteer's selectors; the debugging protocols can.
 *
 * @module
 */

import { contextOf } from './bidi.js';
import { until } from './poll.js';
import { text } from './texts.js';

/** `press` says false, and does nothing, where the button has no place on the screen yet. */
/** @typedef {{label: string, press: () => Promise<boolean>}} Button */
/** @typedef {{text: string, buttons: Button[]}} View */

/** Names in `_locales` of what its buttons say. */
const LABELS = {
  retry: 'chip_retry',
  original: 'chip_original',
  cancel: 'chip_cancel',
  compare: 'chip_compare',
};

export class Chip {
  /** @param {import('./tab.js').Tab} tab */
  constructor(tab) {
    this.tab = tab;
  }

  /** What the chips of all frames show; null while there is none. @returns {Promise<View | null>} */
  async view() {
    const { browser, page } = this.tab;
    const look = browser.name === 'chromium' ? lookInChromium : lookInFirefox;
    const views = (await look(page)).filter(({ text, buttons }) => text !== '' || buttons.length > 0);
    if (views.length === 0) return null;
    return {
      text: views.map(({ text }) => text).join('\n'),
      buttons: views.flatMap(({ buttons }) => buttons),
    };
  }

  /**
   * Wait until the chip says something.
   * @param {string} what
   * @param {number} [limit] milliseconds
   */
  says(what, limit) {
    return this.#when(`the chip to say "${what}"`, (view) => view.text.includes(what), limit);
  }

  /**
   * Wait until it says that photos are held back, and why.
   * @param {string} code of the problem
   * @param {number} [limit] milliseconds
   */
  reports(code, limit) {
    return this.says(text(`problem_${code}`), limit);
  }

  /**
   * Press a button with the mouse, as soon as it is there.
   * @param {keyof typeof LABELS} name
   */
  async press(name) {
    await until(`"${text(LABELS[name])}" to be pressed`, async () => {
      const { buttons } = await this.offers(name);
      return buttons.find(({ label }) => label === text(LABELS[name]))?.press();
    });
  }

  /**
   * Wait until a button is there and can be pressed.
   * @param {keyof typeof LABELS} name
   */
  offers(name) {
    const label = text(LABELS[name]);
    return this.#when(`the chip to offer "${label}"`, ({ buttons }) =>
      buttons.some((button) => button.label === label),
    );
  }

  /** Wait until it holds a photo. */
  async isBusy() {
    await until('the chip to be at work', () => this.canBeCancelled());
  }

  /** Whether it holds a photo now. */
  async canBeCancelled() {
    const label = text(LABELS.cancel);
    return (await this.view())?.buttons.some((button) => button.label === label) ?? false;
  }

  /** Wait until there is no chip any more. */
  async isGone() {
    await until('the chip to go', async () => (await this.view()) === null);
  }

  /**
   * @param {string} what
   * @param {(view: View) => boolean} isThere
   * @param {number} [limit] milliseconds
   */
  async #when(what, isThere, limit) {
    /** @type {View | null} */
    let last = null;
    /** @returns {Promise<View | false>} */
    const look = async () => {
      last = await this.view();
      return last !== null && isThere(last) && last;
    };
    try {
      return await until(what, look, limit);
    } catch (error) {
      const shown = /** @type {View | null} */ (last);
      const labels = shown?.buttons.map(({ label }) => label).join(', ');
      const words = shown ? `${shown.text} [${labels}]` : 'nothing';
      throw new Error(`${what}; it shows: ${words}`, { cause: error });
    }
  }
}

/**
 * One node of either protocol, reduced to what is needed here.
 * @typedef {{name: string, value: string, attributes: Record<string, string>, id: any,
 *            children: Node[], closedRoots: Node[]}} Node
 */

/**
 * The closed shadow roots that are not the zoo's own, whose hosts have an id that begins with `zoo-`.
 * @param {Node} node
 * @returns {Node[]}
 */
function chipRoots(node) {
  const own = node.attributes.id?.startsWith('zoo-') ? [] : node.closedRoots;
  return [...own, ...node.children.flatMap(chipRoots)];
}

/** @param {Node} node @returns {Node[]} */
function inside(node) {
  if (node.attributes.hidden !== undefined || ['style', 'script', 'template'].includes(node.name)) return [];
  return [node, ...node.children.flatMap(inside)];
}

/** @param {Node} node */
function textOf(node) {
  return inside(node)
    .map(({ value }) => value.trim())
    .filter((text) => text !== '')
    .join(' ');
}

/**
 * @param {Node} root
 * @param {(button: Node) => () => Promise<boolean>} pressing
 * @returns {View}
 */
function viewOf(root, pressing) {
  const buttons = inside(root).filter(
    ({ name, attributes }) => name === 'button' && attributes.disabled === undefined,
  );
  return {
    text: textOf(root),
    buttons: buttons.map((button) => ({
      label: textOf(button) || (button.attributes['aria-label'] ?? ''),
      press: pressing(button),
    })),
  };
}

/**
 * @param {import('puppeteer-core').Page} page
 * @returns {Promise<View[]>}
 */
async function lookInChromium(page) {
  const clients = new Set(page.frames().map((frame) => /** @type {any} */ (frame).client));
  const views = [];
  for (const client of clients) {
    const { root } = await client.send('DOM.getDocument', { depth: -1, pierce: true });
    for (const chip of chipRoots(fromChromium(root))) {
      views.push(
        viewOf(chip, (button) => async () => {
          const { quads } = await client.send('DOM.getContentQuads', { nodeId: button.id });
          if (quads.length === 0) return false;
          const [left, top, , , right, bottom] = quads[0];
          const place = { x: (left + right) / 2, y: (top + bottom) / 2, button: 'left', clickCount: 1 };
          await client.send('Input.dispatchMouseEvent', { type: 'mousePressed', ...place });
          await client.send('Input.dispatchMouseEvent', { type: 'mouseReleased', ...place });
          return true;
        }),
      );
    }
  }
  return views;
}

/** @param {any} node @returns {Node} */
function fromChromium(node) {
  /** @type {string[]} */
  const flat = node.attributes ?? [];
  /** @type {Record<string, string>} */
  const attributes = {};
  for (let index = 0; index < flat.length; index += 2) attributes[flat[index]] = flat[index + 1];
  /** @type {any[]} */
  const roots = node.shadowRoots ?? [];
  const open = roots.filter(({ shadowRootType }) => shadowRootType === 'open');
  const inner = [...(node.children ?? []), ...open, ...(node.contentDocument ? [node.contentDocument] : [])];
  return {
    name: node.nodeName.toLowerCase(),
    value: node.nodeType === 3 ? node.nodeValue : '',
    attributes,
    id: node.nodeId,
    children: inner.map(fromChromium),
    closedRoots: roots.filter(({ shadowRootType }) => shadowRootType === 'closed').map(fromChromium),
  };
}

/**
 * @param {import('puppeteer-core').Page} page
 * @returns {Promise<View[]>}
 */
async function lookInFirefox(page) {
  const views = [];
  for (const frame of page.frames()) {
    const { id, session } = contextOf(frame);
    const answer = await session.send('script.evaluate', {
      expression: 'document.documentElement',
      target: { context: id },
      awaitPromise: false,
      serializationOptions: { maxDomDepth: 40, includeShadowTree: 'all' },
    });
    for (const chip of chipRoots(fromFirefox(answer.result.result))) {
      views.push(
        viewOf(chip, (button) => async () => {
          const origin = { type: 'element', element: { sharedId: button.id } };
          const actions = [
            { type: 'pointerMove', x: 0, y: 0, origin },
            { type: 'pointerDown', button: 0 },
            { type: 'pointerUp', button: 0 },
          ];
          const pointer = { type: 'pointer', id: 'mouse', parameters: { pointerType: 'mouse' }, actions };
          await session.send('input.performActions', { context: id, actions: [pointer] });
          return true;
        }),
      );
    }
  }
  return views;
}

/** @param {any} node @returns {Node} */
function fromFirefox(node) {
  const value = node.value ?? {};
  const root = value.shadowRoot;
  const isOpen = root?.value?.mode === 'open';
  return {
    name: value.localName ?? '',
    value: value.nodeType === 3 ? (value.nodeValue ?? '') : '',
    attributes: value.attributes ?? {},
    id: node.sharedId,
    children: [...(value.children ?? []), ...(root && isOpen ? [root] : [])].map(fromFirefox),
    closedRoots: root && !isOpen ? [fromFirefox(root)] : [],
  };
}
