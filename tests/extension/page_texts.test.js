// @ts-check
/** Every text that a page asks for is there in every language, and nothing of the pages is left over. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { PRESETS } from '../../extension/background/presets.js';

const ROOT = new URL('../../', import.meta.url);
const PREFIXES = ['common_', 'popup_', 'onboarding_', 'options_', 'restore_'];
const PLACES = ['popup', 'onboarding', 'options', 'restore', 'shared', 'background'];

/** @type {{permissions: string[], commands?: object}} */
const manifest = JSON.parse(readFileSync(new URL('manifest.json', ROOT), 'utf8'));
const languages = readdirSync(new URL('_locales', ROOT));
/** @type {Record<string, Record<string, {message: string}>>} */
const messages = Object.fromEntries(
  languages.map((language) => [
    language,
    JSON.parse(readFileSync(new URL(`_locales/${language}/messages.json`, ROOT), 'utf8')),
  ]),
);

const sources = PLACES.flatMap((place) =>
  readdirSync(new URL(`extension/${place}/`, ROOT))
    .filter((name) => /\.(html|js)$/.test(name))
    .map((name) => readFileSync(new URL(`extension/${place}/${name}`, ROOT), 'utf8')),
);
const source = sources.join('\n');

/** Keys put together from parts, with all that the parts can be. */
const STATES = ['ready', 'paused', 'not_paired', 'daemon_down', 'wrong_daemon', 'locked', 'no_circle'];
const MADE = [
  ...STATES.flatMap((state) => [`common_state_${state}`, `common_state_${state}_why`]),
  ...['not_paired', 'wrong_daemon', 'no_circle'].map((state) => `common_state_${state}_do`),
  ...['always', 'ask', 'never'].flatMap((mode) => [`common_mode_${mode}`, `popup_does_${mode}`]),
  ...['low', 'mid', 'high'].flatMap((strength) => [
    `common_strength_${strength}`,
    `common_strength_${strength}_means`,
  ]),
  ...['working', 'protected', 'passed', 'failed', 'originals'].map((kind) => `popup_tally_${kind}#`),
  ...['intro', 'daemon', 'pair', 'circle', 'try', 'sites'].map((step) => `onboarding_${step}`),
  ...['firefox', 'chrome'].map((browser) => `onboarding_pin_${browser}`),
  ...['hosts', 'loopback', ...manifest.permissions].flatMap((name) => [
    `options_permission_${name}`,
    `options_permission_${name}_why`,
  ]),
];

/** A key that counts stands for its forms. @param {string} key */
const forms = (key) =>
  key.endsWith('#') ? ['one', 'other'].map((form) => `${key.slice(0, -1)}_${form}`) : [key];

const named = [
  ...[...source.matchAll(/data-text(?:-[a-z-]+)?="([a-z]+_[a-zA-Z_]+)"/g)].map(([, key = '']) => key),
  ...[...source.matchAll(/counted\('([a-zA-Z_]+)'/g)].map(([, key]) => `${key}#`),
  ...[...source.matchAll(/(?<!counted\()'((?:common|popup|onboarding|options|restore)_[a-zA-Z_]+)'/g)].map(
    ([, key = '']) => key,
  ),
];
const wanted = new Set([...named, ...MADE].flatMap(forms));

describe('the texts of the pages', () => {
  it('were found', () => {
    assert.ok(wanted.size > 200);
    assert.ok(PRESETS.length > 10);
  });

  for (const language of languages) {
    const known = messages[language] ?? {};
    it(`are all there in ${language}`, () => {
      assert.deepEqual(
        [...wanted].filter((key) => !known[key]?.message),
        [],
      );
    });

    it(`are all used in ${language}`, () => {
      const own = Object.keys(known).filter((key) => PREFIXES.some((prefix) => key.startsWith(prefix)));
      assert.deepEqual(
        own.filter((key) => !wanted.has(key)),
        [],
      );
    });

    it(`say of each state that keeps photos back that it does, in ${language}`, () => {
      for (const state of ['not_paired', 'daemon_down', 'locked', 'no_circle']) {
        assert.match(known[`common_state_${state}_why`]?.message ?? '', /held back|zurückgehalten/, state);
      }
    });

    it(`have the same placeholders in ${language}`, () => {
      const placeholders = (/** @type {string} */ text) => [...new Set(text.match(/\$[A-Z\d]+\$?/g))].sort();
      for (const key of wanted) {
        const [own, english] = [known[key]?.message ?? '', messages['en']?.[key]?.message ?? ''];
        assert.deepEqual(placeholders(own), placeholders(english), key);
      }
    });
  }

  it('are nowhere but in _locales', () => {
    for (const page of ['popup', 'onboarding', 'options', 'restore']) {
      const html = readFileSync(new URL(`extension/${page}/${page}.html`, ROOT), 'utf8');
      const words = html.replace(/<[^>]*>/g, '').replace(/[\s\d✕]+/g, '');
      assert.equal(words, '', page);
      assert.ok(!/\bstyle=|<style|<script(?![^>]*\bsrc=)|\bon[a-z]+=/.test(html), `${page}: nothing inline`);
    }
  });
});
