// @ts-check
/**
 * The texts of _locales in pages.
 *
 * In HTML `data-text="key"` fills an element, `data-text-title`, `data-text-placeholder`, `data-text-alt` and
 * `data-text-aria-label` fill that attribute.
 *
 * @module
 */

const ATTRIBUTES = ['title', 'placeholder', 'alt', 'aria-label'];

/**
 * @param {string} key
 * @param {...(string | number)} values  for the placeholders, in their order
 */
export function text(key, ...values) {
  // the key itself is ugly but says what is missing
  return chrome.i18n.getMessage(key, values.map(String)) || key;
}

/** The language that the texts are in, which may not be the browser's. */
export function language() {
  return text('common_language');
}

/**
 * The text for a number: `key_one` or `key_other`, as the language counts, with the number as first
 * placeholder.
 * @param {string} key
 * @param {number} number
 * @param {...(string | number)} values
 */
export function counted(key, number, ...values) {
  const form = new Intl.PluralRules(language()).select(number) === 'one' ? 'one' : 'other';
  return text(`${key}_${form}`, number.toLocaleString(language()), ...values);
}

/**
 * @param {number | string | Date} moment
 * @param {Intl.DateTimeFormatOptions} style
 */
export function dated(moment, style) {
  return new Intl.DateTimeFormat(language(), style).format(new Date(moment));
}

/**
 * Fill in the texts below `root`, templates included.
 * @param {Document | DocumentFragment} [root]
 */
export function localise(root = document) {
  if (root instanceof Document) {
    root.documentElement.lang = language();
    root.documentElement.dir = chrome.i18n.getMessage('@@bidi_dir') || 'ltr';
  }
  for (const each of root.querySelectorAll('[data-text]')) {
    each.textContent = text(each.getAttribute('data-text') ?? '');
  }
  for (const attribute of ATTRIBUTES) {
    for (const each of root.querySelectorAll(`[data-text-${attribute}]`)) {
      each.setAttribute(attribute, text(each.getAttribute(`data-text-${attribute}`) ?? ''));
    }
  }
  for (const each of root.querySelectorAll('template')) localise(each.content);
}
