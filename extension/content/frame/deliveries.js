// @ts-check
/**
 * Handing files to the page: the work is done in its world (page/deliveries.js), when and where is said here.
 */

/* exported deliveries */
const deliveries = (() => {
  /** @type {Map<string, {node: () => Element | null, done: (prevented: boolean) => void}>} */
  const open = new Map();
  let count = 0;

  /**
   * Events can be sent from any element, but only these can be shown to the page's world.
   * @param {Element | null} at
   */
  function html(at) {
    let element = at;
    while (element && !(element instanceof HTMLElement)) element = element.parentElement;
    return element ?? document.documentElement;
  }

  pageWorld.findNodesWith((id) => html(open.get(id)?.node() ?? null));
  pageWorld.on('delivered', ({ id, prevented }) => {
    open.get(id)?.done(prevented);
    open.delete(id);
  });

  /**
   * @param {{type: 'deliver' | 'cancelled', kind: 'input' | 'drop' | 'paste' | 'beforeinput', files?: File[],
   *          [entry: string]: any}} letter
   * @param {() => Element | null} node  where; asked when it is time
   * @returns {Promise<boolean>} whether the page prevented what the browser would have done; rejects if the
   *   scripts in the page's world are not there
   */
  function deliver(letter, node) {
    const id = `d${(count += 1)}`;
    const files = letter.files ?? [];
    const defaults = { paths: [], folders: [], strings: [], order: files.map((_, i) => i) };
    return new Promise((done, failed) => {
      open.set(id, { node, done });
      if (!pageWorld.send({ ...defaults, ...letter, files, id })) failed(new Error('nobody in the page'));
    });
  }

  return { deliver };
})();
