// @ts-check
/**
 * The pages of the zoo, and in which ways each takes photos.
 *
 * @module
 */

/** @typedef {'picker' | 'drop' | 'paste' | 'read'} Way  read: the page asks for the clipboard itself */
/** @typedef {import('../extension/harness/requirements.js').BrowserName} BrowserName */

/**
 * @typedef {object} Exhibit
 * @property {string} page  file name without `.html`
 * @property {string} what  for people
 * @property {Way[]} ways
 * @property {string} kind  exhibits of one kind reach the extension through the same hook
 * @property {string} [send]  what to press after the photo is in
 * @property {boolean} [converts]  the page itself makes another file of the picture
 * @property {Partial<Record<BrowserName, string>>} [missing]  why a browser cannot show it
 */

/**
 * Does the picture come from the clipboard: as a PNG, which the browser writes anew?
 * @param {Way} way
 */
export function isFromClipboard(way) {
  return way === 'paste' || way === 'read';
}

const ONLY_CHROMIUM = 'Firefox has no such interface';

/** @type {Exhibit[]} */
export const EXHIBITS = [
  { page: 'form', what: 'plain form, sent by the browser', ways: ['picker'], kind: 'form', send: '#send' },
  { page: 'multiple', what: 'plain form, several files', ways: ['picker'], kind: 'form', send: '#send' },
  { page: 'drop', what: 'plain listeners', ways: ['drop', 'paste'], kind: 'listeners' },
  { page: 'react', what: 'React 19', ways: ['picker', 'drop', 'paste'], kind: 'react' },
  { page: 'detached', what: 'input in no document, `click()`', ways: ['picker'], kind: 'detached' },
  { page: 'show_picker', what: 'input in no document, `showPicker()`', ways: ['picker'], kind: 'detached' },
  { page: 'shadow_open', what: 'input in an open shadow root', ways: ['picker'], kind: 'shadow' },
  { page: 'shadow_closed', what: 'input in a closed shadow root', ways: ['picker'], kind: 'shadow' },
  {
    page: 'shadow_declared',
    what: 'input in a closed shadow root of the HTML',
    ways: ['picker'],
    kind: 'declared',
  },
  { page: 'frame_srcdoc', what: '`srcdoc` frame', ways: ['picker', 'drop'], kind: 'frame' },
  { page: 'frame_sandboxed', what: 'frame without an origin', ways: ['picker', 'drop'], kind: 'frame' },
  { page: 'frame_foreign', what: 'frame of another origin', ways: ['picker', 'drop'], kind: 'frame' },
  {
    page: 'blank_frame',
    what: 'empty frame filled by a script',
    ways: ['picker'],
    kind: 'frame',
    missing: { firefox: 'now and then it loads the empty document anew, and drops what the script put in' },
  },
  { page: 'written_frame', what: '`document.write` frame', ways: ['picker', 'drop'], kind: 'written' },
  { page: 'dropzone', what: 'Dropzone', ways: ['picker', 'drop'], kind: 'entries' },
  { page: 'uppy', what: 'Uppy', ways: ['picker', 'drop'], kind: 'entries' },
  { page: 'entries', what: 'drop zone that walks entries', ways: ['drop'], kind: 'entries' },
  {
    page: 'drop_handles',
    what: 'drop zone that takes file handles',
    ways: ['drop'],
    kind: 'handles',
    missing: { firefox: ONLY_CHROMIUM },
  },
  { page: 'editor', what: 'editor with a paste listener', ways: ['paste'], kind: 'editor' },
  { page: 'editor_plain', what: 'editor that lets the browser paste', ways: ['paste'], kind: 'editor' },
  { page: 'clipboard_read', what: '`navigator.clipboard.read()`', ways: ['read'], kind: 'clipboard' },
  { page: 'worker', what: 'upload from a worker', ways: ['picker'], kind: 'form' },
  { page: 'chunked', what: 'pieces, size and CRC declared first', ways: ['picker'], kind: 'form' },
  { page: 'csp', what: 'strict content security policy', ways: ['picker', 'drop'], kind: 'form' },
  { page: 'polling', what: 'looks at `input.files` every millisecond', ways: ['picker'], kind: 'form' },
  {
    page: 'capture_first',
    what: 'listens on the window, stops propagation',
    ways: ['picker', 'drop', 'paste'],
    kind: 'listeners',
  },
  { page: 'canvas', what: 'encodes the picture anew', ways: ['picker'], kind: 'form', converts: true },
  {
    page: 'directory',
    what: 'input for a whole folder',
    ways: ['picker'],
    kind: 'directory',
    missing: { firefox: 'its remote control refuses folders' },
  },
  { page: 'dialog', what: 'modal dialog', ways: ['picker', 'drop'], kind: 'dialog' },
];

const NO_PICTURES = 'the headless clipboard of Firefox holds no pictures';

/** @type {Partial<Record<BrowserName, Partial<Record<Way, string>>>>} */
const UNTRUSTED = {
  firefox: {
    drop: 'no way to a drop that Firefox trusts',
    paste: NO_PICTURES,
    read: NO_PICTURES,
  },
};

/**
 * Why something cannot be tested in a browser; undefined: it can.
 * @param {Exhibit} exhibit
 * @param {Way} way
 * @param {BrowserName} browser
 */
export function untestable({ missing }, way, browser) {
  return missing?.[browser] ?? UNTRUSTED[browser]?.[way];
}
