// @ts-check
/**
 * What the extension adds: milliseconds from the choice of photos to their delivery to the page, beyond the
 * time in which the daemon has them. `make bench`. Prints a table in Markdown; all times are medians.
 *
 * The daemon's share is taken from its log: the time in which at least one of the photos was with it.
 *
 * @module
 */

import { missing } from '../extension/harness/requirements.js';
import { Stage } from '../extension/harness/stage.js';

/** @typedef {import('../extension/harness/requirements.js').BrowserName} BrowserName */

const COUNTS = [1, 5, 20];
const ROUNDS = 5;

/** @param {number[]} values */
function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

/**
 * Milliseconds in which the daemon had photos, by its log.
 * @param {string[]} lines
 */
function busy(lines) {
  const spans = lines.flatMap((line) => {
    const found = line.match(/^(\S+) (\S+),(\d+) .* POST \/v1\/(?:protect|jobs\/\S+) \d+ .* ms=([\d.]+)/);
    if (!found) return [];
    const end = Date.parse(`${found[1]}T${found[2]}.${found[3]}`);
    return [{ start: end - Number(found[4]), end }];
  });
  spans.sort((one, other) => one.start - other.start);
  let total = 0;
  let covered = -Infinity;
  for (const { start, end } of spans) {
    total += Math.max(0, end - Math.max(start, covered));
    covered = Math.max(covered, end);
  }
  return total;
}

/**
 * From the choice of some new photos to their delivery.
 * @param {Stage} stage
 * @param {number} count
 */
async function once(stage, count) {
  const photos = [];
  for (let made = 0; made < count; made += 1) photos.push(await stage.photo());
  const tab = await stage.open('multiple');
  await tab.page.evaluate(() => {
    document.querySelector('#pick')?.addEventListener('change', () => {
      document.title = `delivered ${Date.now()}`;
    });
  });
  const before = (await stage.machine.log()).length;
  const start = await tab.pick(photos.map(({ path }) => path));
  await tab.page.waitForFunction(() => document.title.startsWith('delivered'), { timeout: 120_000 });
  const end = Number((await tab.page.title()).split(' ')[1]);
  const daemon = busy((await stage.machine.log()).slice(before - 1));
  await tab.close();
  return { whole: end - start, daemon };
}

/** @param {BrowserName} browser */
async function measure(browser) {
  const stage = await Stage.set(browser);
  const site = new URL(stage.zoo.url('')).origin;
  try {
    for (const count of COUNTS) {
      await stage.switchOn(site, 'never');
      const without = [];
      for (let round = 0; round < ROUNDS; round += 1) without.push((await once(stage, count)).whole);
      await stage.switchOn(site, 'always');
      await once(stage, 1); // the first one wakes and warms what sleeps
      const rounds = [];
      for (let round = 0; round < ROUNDS; round += 1) rounds.push(await once(stage, count));
      const cells = [
        median(rounds.map(({ whole }) => whole)),
        median(rounds.map(({ daemon }) => daemon)),
        median(without),
        median(rounds.map(({ whole, daemon }) => whole - daemon)) - median(without),
      ];
      console.log(`| ${browser} | ${count} | ${cells.map((value) => Math.round(value)).join(' | ')} |`);
    }
  } finally {
    await stage.close();
  }
}

const HEADINGS = ['photos', 'pick to delivery, ms', 'with the daemon, ms', 'without ermask, ms', 'extension, ms'];
console.log(`| browser | ${HEADINGS.join(' | ')} |`);
console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
for (const browser of /** @type {const} */ (['chromium', 'firefox'])) {
  const reason = missing(browser);
  if (reason) console.log(`| ${browser} | not measured: ${reason} |`);
  else await measure(browser);
}
