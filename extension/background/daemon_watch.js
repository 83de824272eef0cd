// @ts-check
/**
 * Whether photos can be protected right now, and for which circles: asked when somebody wants to know,
 * remembered for a moment, and told when it changes.
 *
 * @module
 */

import { Failure, isFailure, problemOf } from './failure.js';

/** @typedef {import('../shared/messages.js').Daemon} Daemon */
/** @typedef {import('../shared/messages.js').DaemonState} DaemonState */
/** @typedef {import('../shared/messages.js').Circle} Circle */
/** @typedef {import('./link.js').Link} Link */

/** `circles` are known when their list can be read, which needs no key. `failure`: what stands in the way. */
/** @typedef {{daemon: Daemon, circles: Circle[] | null, failure: unknown}} Sight */

export const STANDARD_PORT = 7411;

const FRESH_MS = 3_000;
const PATIENCE_MS = 10_000;

export class DaemonWatch {
  #link;
  /** @type {((daemon: Daemon) => unknown)[]} */
  #listeners = [];
  /** @type {Promise<Sight> | null} */
  #looking = null;
  /** @type {{sight: Sight, at: number} | null} */
  #last = null;
  #known = '';

  /** @param {Link} link */
  constructor(link) {
    this.#link = link;
  }

  /**
   * Called after each change of the state or of the circles, and once in each life of the background.
   * @param {(daemon: Daemon) => unknown} callback
   */
  onChange(callback) {
    this.#listeners.push(callback);
  }

  /** @returns {Promise<Sight>} not older than a few seconds */
  async sight() {
    const age = this.#last ? Date.now() - this.#last.at : Infinity;
    if (this.#last && age >= 0 && age < FRESH_MS) return this.#last.sight;
    this.#looking ??= this.#look();
    return this.#looking;
  }

  /** Something has happened that what was seen last may not fit any more. @returns {Promise<Sight>} */
  async again() {
    await this.#looking;
    this.#last = null;
    return this.sight();
  }

  /** What was seen last, without asking. */
  get lastState() {
    return this.#last?.sight.daemon.state ?? null;
  }

  async #look() {
    const sight = await look(this.#link);
    this.#looking = null;
    this.#last = { sight, at: Date.now() };
    const { state, problem, port, label, pairedAt } = sight.daemon;
    const known = JSON.stringify([state, problem?.code, port, label, pairedAt, sight.circles]);
    if (known !== this.#known) {
      this.#known = known;
      for (const each of this.#listeners) each(sight.daemon);
    }
    return sight;
  }
}

/**
 * @param {Link} link
 * @returns {Promise<Sight>}
 */
async function look(link) {
  const content = { limit: PATIENCE_MS };
  /** @type {Partial<Daemon>} */
  const about = { port: STANDARD_PORT, label: null, pairedAt: null, status: null };
  /** @type {Circle[] | null} */
  let circles = null;
  try {
    const pairing = await link.pairing();
    if (!pairing) throw new Failure('not_paired');
    const { port, label, pairedAt } = pairing;
    Object.assign(about, { port, label, pairedAt });
    about.status = await link.json('/v1/status', content);
    circles = await link.json('/v1/keys', content);
    // an older daemon does not say
    const { keys = 'open' } = about.status ?? {};
    if (keys !== 'open') throw new Failure(keys);
    if (!circles?.length) throw new Failure('no_circle');
    return { daemon: { ...whole(about), state: 'ready', problem: null }, circles, failure: null };
  } catch (failure) {
    const state = stateOf(failure, about.status !== null);
    return { daemon: { ...whole(about), state, problem: problemOf(failure) }, circles, failure };
  }
}

/** @param {Partial<Daemon>} about */
function whole(about) {
  return /** @type {Omit<Daemon, 'state' | 'problem'>} */ (about);
}

/**
 * @param {unknown} failure
 * @param {boolean} answers  the daemon has told its status
 * @returns {DaemonState}
 */
function stateOf(failure, answers) {
  if (isFailure(failure, 'not_paired', 'wrong_daemon', 'no_circle')) {
    return /** @type {DaemonState} */ (failure.code);
  }
  if (isFailure(failure, 'daemon_down', 'timeout')) return 'daemon_down';
  // locked or damaged: it runs, but gives no key
  return answers ? 'locked' : 'daemon_down';
}
