// @ts-check
/** Every text the content scripts ask for is there, in every language, and none that they never ask for. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const ROOT = new URL('../../', import.meta.url);
const FRAME = new URL('extension/content/frame/', ROOT);
const code = readdirSync(FRAME).map((name) => readFileSync(new URL(name, FRAME), 'utf8')).join('\n');

/** Keys that are put together: each stands for all that begin so. */
const PREFIXES = [...code.matchAll(/`(chip_[a-z_]+_)\$\{/g)].map(([, prefix]) => prefix);
const KEYS = new Set([...code.matchAll(/'(chip_[a-z_]+)'/g)].map(([, key]) => key));

for (const language of readdirSync(new URL('_locales/', ROOT))) {
  const messages = JSON.parse(readFileSync(new URL(`_locales/${language}/messages.json`, ROOT), 'utf8'));

  test(`all texts of the chip are there in "${language}"`, () => {
    const lacking = [...KEYS].filter((key) => !messages[key] && !(messages[`${key}_one`] && messages[`${key}_other`]));
    assert.deepEqual(lacking, []);
    for (const prefix of PREFIXES) assert.ok(Object.keys(messages).some((key) => key.startsWith(prefix)), prefix);
  });

  test(`no text of the chip is unused in "${language}"`, () => {
    const used = (/** @type {string} */ key) => KEYS.has(key) || KEYS.has(key.replace(/_(one|other)$/, ''))
      || PREFIXES.some((prefix) => key.startsWith(prefix));
    assert.deepEqual(Object.keys(messages).filter((key) => key.startsWith('chip_') && !used(key)), []);
  });
}
