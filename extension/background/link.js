// @ts-check
/**
 * The one way to the daemon for all that needs the token: it is sent only to a program that has just proved
 * itself.
 *
 * @module
 */

import { Failure, isFailure } from './failure.js';
import { greet } from './hello.js';
import { jsonOf, post, refusalOf } from './requests.js';

/** @typedef {import('./pairing.js').Pairing} Pairing */
/** @typedef {import('./requests.js').Content} Content */
/** @typedef {import('./requests.js').Reply} Reply */

/**
 * @typedef {object} Store
 * @property {() => Promise<Pairing | null>} read
 * @property {(pairing: Pairing) => Promise<void>} write
 * @property {() => Promise<void>} clear
 */

export class Link {
  #store;

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** @returns {Promise<Pairing | null>} */
  pairing() {
    return this.#store.read();
  }

  /** @param {Pairing} pairing */
  adopt(pairing) {
    return this.#store.write(pairing);
  }

  forget() {
    return this.#store.clear();
  }

  /**
   * A request that needs a pairing.
   * @param {string} path
   * @param {Content} [content]
   * @returns {Promise<Reply>} an answer that is no refusal
   * @throws {Failure}
   */
  async call(path, content = {}) {
    const pairing = await this.#store.read();
    if (!pairing) throw new Failure('not_paired');
    await meet(pairing, content.signal);
    const headers = { ...content.headers, Authorization: `Bearer ${pairing.token}` };
    const reply = await post(pairing.port, path, { ...content, headers });
    if (reply.status === 401) throw new Failure('not_paired');
    if (reply.status < 300) return reply;
    throw refused(path, reply);
  }

  /**
   * As `call`, for what is answered with JSON.
   * @param {string} path
   * @param {Content} [content]
   * @returns {Promise<any>}
   */
  async json(path, content) {
    const value = jsonOf(await this.call(path, content));
    if (value === null) throw unforeseen(path);
    return value;
  }
}

/**
 * The daemon is greeted before each request, which is stricter than docs/protocol.md asks for: browsers open
 * connections anew without a word, so another program may have taken the port though none of ours has failed.
 * @param {Pairing} pairing
 * @param {AbortSignal} [signal]
 */
async function meet(pairing, signal) {
  try {
    await greet(pairing, signal);
  } catch (error) {
    if (!isFailure(error, 'daemon_down')) throw error;
    // a connection that was kept open may have been closed at the other end just now; a new one tells
    await greet(pairing, signal);
  }
}

/**
 * @param {string} path
 * @param {Reply} reply
 */
function refused(path, reply) {
  const refusal = refusalOf(reply);
  if (!refusal) return unforeseen(path);
  // jobs come and go, routes do not
  const isRoute = !path.startsWith('/v1/jobs/');
  return isRoute && isFailure(refusal, 'not_found') ? new Failure('daemon_too_old') : refusal;
}

/** @param {string} path */
function unforeseen(path) {
  return new Failure('internal', { detail: `The daemon's answer to ${path} is not in its protocol.` });
}
