// @ts-check
/** Every code that can reach a person has a text, in every language. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { CODES } from '../../extension/shared/messages.js';
import { ROOT } from './harness/requirements.js';

const LANGUAGES = readdirSync(join(ROOT, '_locales'));
/** Needs nothing to be done about it. */
const WITHOUT_HINT = ['cancelled'];

/** @returns {string[]} the codes of the table in docs/protocol.md */
function daemonCodes() {
  const protocol = readFileSync(join(ROOT, 'docs', 'protocol.md'), 'utf8');
  const section = protocol.split(/^## /m).find((each) => each.startsWith('Errors')) ?? '';
  return [...section.matchAll(/^\| `([a-z_]+)` \| \d{3} \|/gm)].map(([, code]) => code);
}

/** @param {string} language @returns {Record<string, {message: string}>} */
function messages(language) {
  return JSON.parse(readFileSync(join(ROOT, '_locales', language, 'messages.json'), 'utf8'));
}

describe('problems', () => {
  const codes = [...daemonCodes(), ...CODES];
  assert.ok(codes.length > 35, 'the table of codes was found');

  for (const language of LANGUAGES) {
    it(`have a title and a hint in ${language}`, () => {
      const have = messages(language);
      for (const code of codes) {
        assert.ok(have[`problem_${code}`]?.message, `${code} has no title`);
        const hint = have[`problem_${code}_hint`]?.message;
        assert.equal(Boolean(hint), !WITHOUT_HINT.includes(code), `the hint of ${code}`);
      }
    });

    it(`have no text for codes that there are not, in ${language}`, () => {
      const known = codes.flatMap((code) => [`problem_${code}`, `problem_${code}_hint`]);
      known.push('problem_internal_entry');
      const have = Object.keys(messages(language)).filter((key) => key.startsWith('problem_'));
      assert.deepEqual(have.filter((key) => !known.includes(key)), []);
    });
  }
});
