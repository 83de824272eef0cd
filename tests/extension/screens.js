// @ts-check
/**
 * Takes the pictures in docs/screens: every page of the extension in its states, and the chip, with the real
 * background and a real daemon. `make screens` takes all. In tests/:
 *
 *     npm run screens -- [GROUP...] [--only REGEXP] [--to FOLDER]
 *
 * GROUP is `pages`, `daemon` (the states it can be in) or `chip` (in a page of the zoo); without any, all are
 * taken. REGEXP is of names of pictures: of the groups, only those.
 *
 * @module
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { Camera } from './harness/camera.js';
import { ROOT } from './harness/requirements.js';
import { takeChip } from './screens/chip.js';
import { takeDaemonStates } from './screens/daemon_states.js';
import { takePages } from './screens/pages.js';

/** @type {Record<string, (camera: Camera) => Promise<void>>} */
const GROUPS = { pages: takePages, daemon: takeDaemonStates, chip: takeChip };

const { values, positionals } = parseArgs({
  options: { only: { type: 'string' }, to: { type: 'string' } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !Object.hasOwn(GROUPS, name));
if (unknown.length) {
  throw new Error(`there is no ${unknown.join(', ')}, but ${Object.keys(GROUPS).join(', ')}`);
}

const folder = values.to ?? join(ROOT, 'docs', 'screens');
const camera = new Camera(folder, values.only ? new RegExp(values.only) : null);
for (const [name, take] of Object.entries(GROUPS)) {
  if (positionals.length === 0 || positionals.includes(name)) await take(camera);
}
process.stdout.write(`Took ${camera.count} pictures into ${folder}.\n`);
