// @ts-check
/** The extension and its tests are typed throughout, by comments: what is read is what runs. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

import { ROOT } from './harness/requirements.js';

const run = promisify(execFile);
const TESTS = join(ROOT, 'tests');

/**
 * Each is a world of its own: what one declares, the others do not see. `page` and `frame` are made of
 * classic scripts, which share one scope.
 */
const WORLDS = {
  'the background and the pages of the extension': 'tsconfig.json',
  'scripts in the world of web pages': 'tsconfig.page.json',
  'scripts in the world of the extension, in frames': 'tsconfig.frame.json',
  'the tests': 'tsconfig.tests.json',
};

describe('types', () => {
  for (const [world, config] of Object.entries(WORLDS)) {
    it(world, async () => {
      const compiler = join(TESTS, 'node_modules', '.bin', 'tsc');
      const result = await run(compiler, ['--project', config], { cwd: TESTS }).catch((error) => error);
      assert.equal(result.stdout, '');
      assert.ok(!(result instanceof Error), String(result));
    });
  }

  it('no file of the extension leaves the check, or silences it', async () => {
    const files = await readdir(join(ROOT, 'extension'), { recursive: true });
    const scripts = files.filter((file) => file.endsWith('.js'));
    assert.ok(scripts.length > 20);
    for (const script of scripts) {
      const text = await readFile(join(ROOT, 'extension', script), 'utf8');
      assert.ok(text.startsWith('// @ts-check\n'), `${script} does not begin with // @ts-check`);
      assert.doesNotMatch(text, /@ts-(ignore|nocheck|expect-error)/, script);
    }
  });
});
