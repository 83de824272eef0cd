// @ts-check
/**
 * The paired daemon, for the rest of the background; and the requests about it and its circles.
 *
 * @module
 */

import * as circleWork from './circle_work.js';
import { DaemonWatch, STANDARD_PORT } from './daemon_watch.js';
import { Failure, isFailure } from './failure.js';
import { awake } from './keep_alive.js';
import { Link } from './link.js';
import { pair } from './pairing.js';
import * as pairingStore from './pairing_store.js';
import * as photoWork from './photo_work.js';
import { slots } from './slots.js';
import { browserLabel } from './this_browser.js';

/** @typedef {import('../shared/messages.js').Circle} Circle */
/** @typedef {import('../shared/messages.js').Daemon} Daemon */
/** @typedef {import('../shared/messages.js').Result} Result */
/** @typedef {import('../shared/messages.js').Strength} Strength */

/** Photos handed over at once: the daemon never waits for us, and its queue keeps room for others. */
const AT_ONCE = 4;
const PORTS = { least: 1024, most: 65535 };
/** Failures after which the daemon, or what is known of it, is not what it was. */
const TELLING = [
  'daemon_down', 'not_paired', 'wrong_daemon', 'timeout', 'key_store_locked', 'unknown_circle',
];

const link = new Link(pairingStore);
const watch = new DaemonWatch(link);
const inSlot = slots(AT_ONCE);

/** @returns {Promise<Daemon>} as it was at most a few seconds ago */
export async function state() {
  return (await watch.sight()).daemon;
}

/** @param {(daemon: Daemon) => unknown} callback  after each change of the state or of the circles */
export function onState(callback) {
  watch.onChange(callback);
}

/**
 * @returns {Promise<Circle[]>}
 * @throws {Failure} why there is no knowing
 */
export async function circles() {
  const { circles: known, failure } = await watch.sight();
  if (!known) throw failure;
  return known;
}

/**
 * @param {Blob} photo
 * @param {{circle: string, strength: Strength, signal: AbortSignal}} how
 * @returns {Promise<{photo: Blob, result: Result}>}
 */
export function protect(photo, how) {
  return withDaemon(() => photoWork.protect(link, photo, how), how.signal);
}

/**
 * @param {Blob} photo
 * @param {{circle: string | null, force: boolean, signal: AbortSignal}} how
 * @returns {Promise<{photo: Blob, result: Result}>}
 */
export function restore(photo, how) {
  return withDaemon(() => photoWork.restore(link, photo, how), how.signal);
}

/**
 * @param {Blob} photo
 * @param {{circle: string | null, signal: AbortSignal}} how
 * @returns {Promise<Result>}
 */
export function inspect(photo, how) {
  return withDaemon(() => photoWork.inspect(link, photo, how), how.signal);
}

/**
 * @template T
 * @param {() => Promise<T>} task
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
function withDaemon(task, signal) {
  return awake(() => inSlot(() => observed(task), signal));
}

/**
 * Run a task, and let what it tells about the daemon be known.
 * @template T
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
async function observed(task) {
  try {
    const value = await task();
    if (watch.lastState !== 'ready') void watch.again();
    return value;
  } catch (error) {
    if (isFailure(error, ...TELLING)) void watch.again();
    throw error;
  }
}

/** @param {() => Promise<Circle>} task */
async function changingCircles(task) {
  try {
    return await awake(task);
  } finally {
    // also after a failure: what was not answered in time may have been done
    await watch.again();
  }
}

/** @param {unknown} port */
function portFrom(port) {
  const chosen = Number(port ?? STANDARD_PORT);
  const { least, most } = PORTS;
  if (Number.isInteger(chosen) && chosen >= least && chosen <= most) return chosen;
  throw new Failure('bad_request', { detail: `A port is a number from ${least} to ${most}.` });
}

export const handlers = {
  daemon: () => state(),
  circles: () => circles(),

  /** @param {{code: string, port?: number}} request */
  async pair({ code, port }) {
    // the browser sends this as the request's Origin
    const { origin } = globalThis.location;
    const offer = { code, port: portFrom(port), origin, label: await browserLabel() };
    await link.adopt(await awake(() => pair(offer)));
    return (await watch.again()).daemon;
  },

  async unpair() {
    await link.forget();
    return (await watch.again()).daemon;
  },

  /** @param {{label: string}} request */
  'new-circle': ({ label }) => changingCircles(() => circleWork.newCircle(link, label)),

  /** @param {circleWork.SharedKey} request */
  'import-key': (request) => changingCircles(() => circleWork.importKey(link, request)),
};
