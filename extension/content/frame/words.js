// @ts-check
/**
 * The texts of _locales. They are fetched before they are needed, because once the extension was reloaded
 * this copy of it cannot ask any more, and has that very thing to say.
 */

/* exported words */
const words = (() => {
  const BLANKS = ['\ue000', '\ue001', '\ue002']; // stand in for what is filled in later
  const PREPARED = [
    '@@ui_locale',
    '@@bidi_dir',
    'chip_name',
    'chip_starting',
    'chip_ask_one',
    'chip_ask_other',
    'chip_protect',
    'chip_protecting_one',
    'chip_protecting_other',
    'chip_progress',
    'chip_manner',
    'chip_strength_low',
    'chip_strength_mid',
    'chip_strength_high',
    'chip_stuck_one',
    'chip_stuck_other',
    'chip_cancel',
    'chip_leave_out',
    'chip_original',
    'chip_originals',
    'chip_retry',
    'chip_close',
    'chip_collapse',
    'chip_expand',
    'chip_original_one',
    'chip_original_other',
    'chip_left_out_one',
    'chip_left_out_other',
    'problem_extension_reloaded',
    'problem_extension_reloaded_hint',
    'problem_timeout',
    'problem_timeout_hint',
  ];
  /** @type {Map<string, string>} */
  const kept = new Map();
  const plurals = new Intl.PluralRules(navigator.language);

  /** @param {string} key */
  function template(key) {
    const old = kept.get(key);
    if (old !== undefined) return old;
    try {
      const text = chrome.i18n.getMessage(key, BLANKS);
      kept.set(key, text);
      return text;
    } catch {
      return '';
    }
  }

  /**
   * @param {string} key
   * @param {...(string | number)} values
   * @returns {string} empty if there is no such text
   */
  const say = (key, ...values) =>
    BLANKS.reduce((text, blank, i) => text.replaceAll(blank, String(values[i] ?? '')), template(key));

  return {
    say,
    /** @param {string} key  its texts end in `_one` and `_other` @param {number} count */
    count: (key, count) => say(`${key}_${plurals.select(count) === 'one' ? 'one' : 'other'}`, count),
    language: () => template('@@ui_locale').replace('_', '-'),
    /** @returns {'ltr' | 'rtl'} */
    direction: () => (template('@@bidi_dir') === 'rtl' ? 'rtl' : 'ltr'),
    prepare: () => PREPARED.forEach(template),
  };
})();
