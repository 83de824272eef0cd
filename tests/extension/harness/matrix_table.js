// @ts-check
/**
 * Runs the whole matrix and writes the table of docs/extension-tests.md: `npm run table --prefix tests`.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { EXHIBITS, untestable } from '../../zoo/catalogue.js';
import { CASES, ONLY_SOME } from './matrix.js';
import { browserPath, ROOT } from './requirements.js';

/** @typedef {import('./requirements.js').BrowserName} BrowserName */
/** @typedef {{browser: string, page: string, way: string, case: string, outcome: string}} Line */

const DOCUMENT = join(ROOT, 'docs', 'extension-tests.md');
const [BEGIN, END] = ['<!-- table: begin -->', '<!-- table: end -->'];
/** @type {BrowserName[]} */
const BROWSERS = ['chromium', 'firefox'];
const MARKS = { passed: 'yes', failed: '**NO**' };

/** @param {string} folder @returns {Line[]} */
function results(folder) {
  const report = join(folder, 'report');
  for (const browser of BROWSERS) {
    const file = join(ROOT, 'tests', 'extension', `matrix_${browser}.test.js`);
    const env = { ...process.env, ERMASK_WHOLE_MATRIX: '1', ERMASK_MATRIX_REPORT: report };
    spawnSync(process.execPath, ['--test', '--test-reporter=spec', file], { env, stdio: 'inherit' });
  }
  if (!existsSync(report)) return [];
  return readFileSync(report, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
}

/** @param {BrowserName} browser */
function version(browser) {
  const path = browserPath(browser);
  const shown = path ? spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout : '';
  return shown.match(/\d+(\.\d+)+(esr)?/)?.[0] ?? 'not there';
}

/** @param {Line[]} lines */
function table(lines) {
  const reasons = /** @type {string[]} */ ([]);
  /** @param {string} reason */
  const note = (reason) => {
    if (!reasons.includes(reason)) reasons.push(reason);
    return `not tested [${reasons.indexOf(reason) + 1}]`;
  };
  const rows = EXHIBITS.flatMap((exhibit) =>
    exhibit.ways.flatMap((way) =>
      BROWSERS.map((browser) => {
        const cells = CASES.map((name) => {
          const wanted = [browser, exhibit.page, way, name].join();
          const line = lines.find((each) => [each.browser, each.page, each.way, each.case].join() === wanted);
          if (line) return MARKS[/** @type {keyof typeof MARKS} */ (line.outcome)];
          if (ONLY_SOME[name] && !ONLY_SOME[name].has(`${exhibit.page} ${way}`)) return '';
          return note(untestable(exhibit, way, browser) ?? 'it did not run');
        });
        return `| ${exhibit.what} | ${way} | ${browser} | ${cells.join(' | ')} |`;
      }),
    ),
  );
  const today = new Date().toISOString().slice(0, 10);
  return [
    `Chromium ${version('chromium')}, Firefox ${version('firefox')}, ${today}: ` +
      `${lines.length} tests, ${lines.filter(({ outcome }) => outcome !== 'passed').length} of them failed.`,
    '',
    `| page | way | browser | ${CASES.join(' | ')} |`,
    `|---|---|---|${CASES.map(() => '---|').join('')}`,
    ...rows,
    '',
    ...reasons.map((reason, index) => `${index + 1}. Not tested: ${reason}.`),
  ].join('\n');
}

const folder = mkdtempSync(join(tmpdir(), 'ermask-matrix-'));
const made = table(results(folder));
rmSync(folder, { recursive: true });
const text = readFileSync(DOCUMENT, 'utf8');
const [head, tail] = [text.slice(0, text.indexOf(BEGIN)), text.slice(text.indexOf(END))];
writeFileSync(DOCUMENT, `${head}${BEGIN}\n\n${made}\n\n${tail}`);
