// @ts-check
/** Contrast of the pages' colours, in both schemes: WCAG 2.2, AA. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

const css = readFileSync(new URL('../../extension/shared/theme.css', import.meta.url), 'utf8');

/** What carries words. */
const TEXT = [
  ['ink', 'ground'],
  ['ink', 'surface'],
  ['ink', 'sunken'],
  ['ink-soft', 'ground'],
  ['ink-soft', 'surface'],
  ['ink-soft', 'sunken'],
  ['link', 'ground'],
  ['link', 'surface'],
  ['link', 'sunken'],
  ['link', 'accent-soft'],
  ['on-accent', 'accent'],
  ['on-accent', 'accent-hover'],
  ['on-accent-soft', 'accent-soft'],
  ['on-good-soft', 'good-soft'],
  ['on-warn-soft', 'warn-soft'],
  ['on-bad-soft', 'bad-soft'],
  ['bad', 'surface'],
  ['bad', 'sunken'],
  ['bad', 'warn-soft'],
  ['ground', 'ink'],
];
/** What shows where a control or a state is. */
const SHAPES = [
  ['edge-strong', 'ground'],
  ['edge-strong', 'surface'],
  ['edge-strong', 'sunken'],
  ['accent', 'ground'],
  ['accent', 'surface'],
  ['accent', 'sunken'],
  ['good', 'surface'],
  ['warn', 'surface'],
  ['bad', 'surface'],
  ['good', 'good-soft'],
  ['warn', 'warn-soft'],
  ['bad', 'bad-soft'],
  ['on-accent', 'accent'],
];

const [light = '', dark = ''] = css.split('@media (prefers-color-scheme: dark)');
const schemes = { light: colours(light), dark: { ...colours(light), ...colours(dark) } };

/** @param {string} part @returns {Record<string, string>} */
function colours(part) {
  return Object.fromEntries(
    [...part.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]),
  );
}

/** @param {string} colour */
function luminance(colour) {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param {string} one @param {string} other */
function contrast(one, other) {
  const [lower = 0, higher = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (higher + 0.05) / (lower + 0.05);
}

for (const [scheme, values] of Object.entries(schemes)) {
  describe(`the ${scheme} colours`, () => {
    for (const [pairs, least, what] of /** @type {const} */ ([
      [TEXT, 4.5, 'to read'],
      [SHAPES, 3, 'to see'],
    ])) {
      for (const [front = '', back = ''] of pairs) {
        it(`${front} on ${back} is easy ${what}`, () => {
          const [one, other] = [values[front], values[back]];
          assert.ok(one && other, 'theme.css has both');
          const found = contrast(one, other);
          assert.ok(found >= least, `${found.toFixed(2)}, where ${least} is needed`);
        });
      }
    }
  });
}

describe('the sum itself', () => {
  it('gives what WCAG gives', () => {
    assert.equal(contrast('#000000', '#ffffff'), 21);
    assert.equal(contrast('#777777', '#ffffff').toFixed(2), '4.48');
  });
});
