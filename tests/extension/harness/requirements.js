// @ts-check
/**
 * What the tests need of this machine, and whether it is there.
 *
 * Without a browser or without the daemon's Python the tests are skipped and say why. Where
 * `ERMASK_REQUIRE_BROWSERS` is set, as in CI, a test that would be skipped fails instead.
 *
 * @module
 */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** @typedef {'chromium' | 'firefox'} BrowserName */

/** @type {Record<BrowserName, {variable: string, names: string[]}>} */
const PROGRAMS = {
  chromium: {
    variable: 'ERMASK_TEST_CHROMIUM',
    names: ['chromium', 'chromium-browser', 'chrome-for-testing'],
  },
  firefox: { variable: 'ERMASK_TEST_FIREFOX', names: ['firefox-esr', 'firefox'] },
};

/** The Python that has ermask: `ERMASK_TEST_PYTHON`, else that of `make`. */
export function python() {
  return process.env.ERMASK_TEST_PYTHON ?? join(ROOT, '.venv', 'bin', 'python');
}

/**
 * Where a browser lies, or null.
 * @param {BrowserName} browser
 */
export function browserPath(browser) {
  const { variable, names } = PROGRAMS[browser];
  const named = process.env[variable];
  if (named) return named;
  const folders = (process.env.PATH ?? '').split(delimiter);
  for (const name of names) {
    const found = folders.map((folder) => join(folder, name)).find(isProgram);
    if (found) return found;
  }
  return null;
}

/**
 * Why tests with these browsers cannot run here, or false: for `test(name, {skip: missing(...)}, ...)`.
 * @param {...BrowserName} browsers
 * @returns {string | false}
 */
export function missing(...browsers) {
  const reasons = [];
  if (!isProgram(python())) {
    reasons.push(`${python()} is not there: run \`make test\`, or set ERMASK_TEST_PYTHON`);
  }
  for (const browser of browsers) {
    if (!browserPath(browser)) {
      reasons.push(`${PROGRAMS[browser].names[0]} is not installed; or set ${PROGRAMS[browser].variable}`);
    }
  }
  if (reasons.length === 0) return false;
  if (process.env.ERMASK_REQUIRE_BROWSERS) throw new Error(reasons.join('; '));
  return reasons.join('; ');
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
