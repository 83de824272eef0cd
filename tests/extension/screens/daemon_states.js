// @ts-check
/**
 * Pictures of what the extension says when the daemon cannot be used: no circle yet, not running, another
 * daemon in its place.
 *
 * @module
 */

import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';

import { Machine } from '../harness/machine.js';
import { until } from '../harness/poll.js';
import { ONBOARDING, POPUP, SITE, Studio } from './studio.js';

/** @typedef {import('../harness/camera.js').Camera} Camera */

/** @param {Camera} camera */
export async function takeDaemonStates(camera) {
  const studio = await Studio.open(camera, []);
  const { machine } = studio;
  try {
    await studio.pair();
    const popup = `${POPUP}#tab=${await studio.visit(SITE)}`;
    await isIn(studio, 'no_circle');
    await studio.take('popup-no-circle', popup);
    await studio.take('onboarding-4-no-circle', `${ONBOARDING}#circle`);

    for (const label of ['Family', 'Friends']) await machine.ermask('keys', 'new', label);
    await studio.useFirstCircle();
    await isIn(studio, 'ready');

    await machine.kill();
    await isIn(studio, 'daemon_down');
    await studio.take('popup-daemon-down', popup);
    await studio.take('onboarding-2-daemon-down', `${ONBOARDING}#daemon`);

    // another daemon, on the same port
    const other = new Machine(await mkdtemp(join(machine.home, 'other-')), machine.port);
    await other.startDaemon();
    try {
      await isIn(studio, 'wrong_daemon');
      await studio.take('popup-wrong-daemon', popup);
    } finally {
      await other.close();
    }
  } finally {
    await studio.close();
  }
}

/** @param {Studio} studio @param {import('../../../extension/shared/messages.js').DaemonState} state */
async function isIn({ browser }, state) {
  let seen = '';
  await until(`the daemon to be ${state}`, async () => {
    seen = (await browser.ask({ type: 'daemon' })).state;
    return seen === state;
  }).catch((error) => {
    throw new Error(`${error.message}; it is ${seen}`);
  });
}
