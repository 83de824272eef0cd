// @ts-check
/**
 * Match patterns of whole sites, `scheme://host/*`, which is all that permissions hold.
 *
 * @module
 */

import { hostFits } from './presets.js';

const PATTERN = /^(\*|https?):\/\/([^/]+)\/\*$/;

/** A permission that covers all sites, in the forms that permissions and content scripts both know. */
const EVERYWHERE = ['http://*/*', 'https://*/*'];

/**
 * @param {string} pattern
 * @param {URL} url
 */
export function patternFits(pattern, url) {
  const [, scheme, host] = PATTERN.exec(pattern) ?? [];
  if (!scheme || !host) return false;
  if (scheme !== '*' && `${scheme}:` !== url.protocol) return false;
  return host === '*' || hostFits(host, url.hostname);
}

/**
 * The permission that an address needs. Ports are not part of it: neither browser's permissions have them.
 * @param {URL} url
 */
export function patternOf(url) {
  return `${url.protocol}//${url.hostname}/*`;
}

/**
 * Those of the patterns that web pages can match, as content scripts want them.
 * @param {string[]} patterns
 */
export function webPatterns(patterns) {
  const all = patterns.flatMap((each) => (each === '<all_urls>' || each === '*://*/*' ? EVERYWHERE : [each]));
  return [...new Set(all)].filter((each) => PATTERN.test(each)).sort();
}
