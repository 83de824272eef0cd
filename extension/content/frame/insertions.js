// @ts-check
/**
 * What the browser does with a paste or drop that the page leaves alone: it puts it into the editor. Browsers
 * do so for their own events only, so it is done here for ours.
 */

/* exported insertions */
const insertions = (() => {
  const TEXT_FIELDS = ['text', 'search', 'url', 'tel', 'email', 'password', 'number'];
  /** Elements, each with the attributes it may keep. What is not here is taken apart; its text stays. */
  const ALLOWED = /** @type {Record<string, string[]>} */ ({
    a: ['href', 'title'],
    b: [],
    blockquote: [],
    br: [],
    caption: [],
    code: [],
    dd: [],
    del: [],
    div: [],
    dl: [],
    dt: [],
    em: [],
    figcaption: [],
    figure: [],
    h1: [],
    h2: [],
    h3: [],
    h4: [],
    h5: [],
    h6: [],
    hr: [],
    i: [],
    ins: [],
    li: [],
    img: ['src', 'alt', 'title', 'width', 'height'],
    mark: [],
    ol: ['start'],
    p: [],
    pre: [],
    q: [],
    s: [],
    small: [],
    span: [],
    strong: [],
    sub: [],
    sup: [],
    table: [],
    tbody: [],
    td: ['colspan', 'rowspan'],
    tfoot: [],
    th: ['colspan', 'rowspan'],
    thead: [],
    tr: [],
    u: [],
    ul: [],
  });
  const DROPPED = [
    'script',
    'style',
    'template',
    'iframe',
    'object',
    'embed',
    'noscript',
    'head',
    'title',
    'svg',
    'math',
  ];
  const SAFE_ADDRESS = /^(https?:|mailto:|data:image\/(png|jpeg|webp|avif|gif);)/i;

  /** @param {Node} from @param {Node} to */
  function copy(from, to) {
    for (const node of from.childNodes) {
      if (node instanceof Text) to.appendChild(document.createTextNode(node.data));
      if (!(node instanceof Element)) continue;
      const name = node.localName;
      if (DROPPED.includes(name)) continue;
      const attributes = Object.hasOwn(ALLOWED, name) ? ALLOWED[name] : null;
      if (!attributes) {
        copy(node, to);
        continue;
      }
      const made = to.appendChild(document.createElement(name));
      for (const attribute of attributes) {
        const value = node.getAttribute(attribute);
        const address = attribute === 'src' || attribute === 'href';
        if (value !== null && (!address || SAFE_ADDRESS.test(value.trim())))
          made.setAttribute(attribute, value);
      }
      copy(node, made);
      if (name === 'img' && !made.hasAttribute('src')) made.remove();
    }
  }

  /** HTML with nothing in it that could run: `insertHTML` takes what it is given. @param {string} html */
  function clean(html) {
    const holder = document.implementation.createHTMLDocument().body;
    copy(new DOMParser().parseFromString(html, 'text/html').body, holder);
    return holder;
  }

  /** @param {Element | null} target */
  const isTextField = (target) =>
    target instanceof HTMLTextAreaElement ||
    (target instanceof HTMLInputElement && TEXT_FIELDS.includes(target.type));

  /** @param {Element | null} target @returns {target is HTMLElement} */
  const isEditable = (target) =>
    target instanceof HTMLElement && (target.isContentEditable || target.ownerDocument.designMode === 'on');

  /** The caret, to come back to. @param {Element | null} target @returns {Range | null} */
  function remember(target) {
    const selection = document.getSelection();
    return isEditable(target) && selection?.rangeCount ? selection.getRangeAt(0).cloneRange() : null;
  }

  /** @param {HTMLElement} target @param {Range | null} range */
  function focus(target, range) {
    const selection = document.getSelection();
    if (selection?.anchorNode && target.contains(selection.anchorNode)) return;
    target.focus();
    if (!range || !target.contains(range.startContainer)) return;
    selection?.removeAllRanges();
    selection?.addRange(range);
  }

  /**
   * @param {Element | null} target
   * @param {{files: File[], strings: [string, string][]}} what
   * @param {Range | null} [range]  where the caret was
   */
  async function insert(target, { files, strings }, range = null) {
    const flavour = (/** @type {string} */ type) => strings.find(([name]) => name === type)?.[1] ?? '';
    if (isTextField(target)) {
      /** @type {HTMLElement} */ (target).focus();
      if (flavour('text/plain')) document.execCommand('insertText', false, flavour('text/plain'));
      return;
    }
    if (!isEditable(target)) return;
    const holder = clean(flavour('text/html'));
    // A picture copied in a browser comes as a file and as HTML that points to it: once is enough.
    const pointed = holder.querySelector('img') !== null && !(holder.textContent ?? '').trim();
    if (pointed && files.length) holder.replaceChildren();
    const urls = await Promise.all(files.map(flavours.dataUrl));
    if (!holder.childNodes.length) {
      for (const url of urls) holder.appendChild(document.createElement('img')).src = url;
    }
    focus(target, range);
    if (holder.childNodes.length) document.execCommand('insertHTML', false, holder.getHTML());
  }

  return { insert, remember, clean };
})();
