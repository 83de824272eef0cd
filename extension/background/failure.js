// @ts-check
/**
 * What goes wrong in a way that people are told about. Everything else that is thrown is a mistake of ours.
 *
 * @module
 */

/** @typedef {import('../shared/messages.js').Problem} Problem */
/** @typedef {{detail?: string, hint?: string, retryAfter?: number, likely?: string, cause?: unknown}} Particulars */

export class Failure extends Error {
  /**
   * @param {string} code  one of `CODES` in messages.js or of docs/protocol.md
   * @param {Particulars} [particulars]  `detail`: what texts of _locales cannot know; `retryAfter`: seconds;
   *   `likely`: id of the circle whose key it most likely is
   */
  constructor(code, { detail = '', hint, retryAfter, likely, cause } = {}) {
    super(detail || code, { cause });
    this.name = 'Failure';
    this.code = code;
    this.detail = detail;
    this.hint = hint;
    this.retryAfter = retryAfter;
    this.likely = likely;
  }

  /** @returns {Problem} */
  problem() {
    return {
      code: this.code,
      title: words(`problem_${this.code}`) || words('problem_internal'),
      detail: this.detail,
      hint: this.hint ?? (words(`problem_${this.code}_hint`) || null),
      ...(this.retryAfter === undefined ? {} : { retryAfter: this.retryAfter }),
      ...(this.likely === undefined ? {} : { likely: this.likely }),
    };
  }
}

/**
 * Whatever was thrown, for people.
 * @param {unknown} error
 * @returns {Problem}
 */
export function problemOf(error) {
  if (error instanceof Failure) return error.problem();
  const detail = error instanceof Error ? error.message : String(error);
  return new Failure('internal', { detail }).problem();
}

/**
 * Is it a failure, and one of these?
 * @param {unknown} error
 * @param {...string} codes
 * @returns {error is Failure}
 */
export function isFailure(error, ...codes) {
  return error instanceof Failure && codes.some((code) => code === error.code);
}

/** @param {string} key */
function words(key) {
  return chrome.i18n.getMessage(key);
}
