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

/**
 * For how long after its last answer the daemon is taken to be still there. After a longer silence another
 * program may have taken the port without any connection of ours failing, so the daemon is greeted again. That
 * is cheap, and stricter than docs/protocol.md asks for.
 */
const TRUST_MS = 1_000;

export class Link {
  #store;
  /** When which daemon answered last, in this life of the background. */
  #heard = { client: '', at: 0 };

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** @returns {Promise<Pairing | null>} */
  pairing() {
    return this.#store.read();
  }

  /** @param {Pairing} pairing */
  async adopt(pairing) {
    await this.#store.write(pairing);
    this.#heard = { client: '', at: 0 };
  }

  async forget() {
    await this.#store.clear();
    this.#heard = { client: '', at: 0 };
  }

  /**
   * A request that needs a pairing.
   * @param {string} path
   * @param {Content} [content]
   * @param {{repeatable?: boolean}} [how]  false: doing it twice is not the same as doing it once
   * @returns {Promise<Reply>} an answer that is no refusal
   * @throws {Failure}
   */
  async call(path, content = {}, { repeatable = true } = {}) {
    const pairing = await this.#store.read();
    if (!pairing) throw new Failure('not_paired');
    try {
      return await this.#ask(pairing, path, content);
    } catch (error) {
      // a connection that was kept open may have been closed at the other end just now; a new one tells
      if (!repeatable || !isFailure(error, 'daemon_down')) throw error;
      return this.#ask(pairing, path, content);
    }
  }

  /**
   * As `call`, for what is answered with JSON.
   * @param {string} path
   * @param {Content} [content]
   * @param {{repeatable?: boolean}} [how]
   * @returns {Promise<any>}
   */
  async json(path, content, how) {
    const value = jsonOf(await this.call(path, content, how));
    if (value === null) throw unforeseen(path);
    return value;
  }

  /**
   * @param {Pairing} pairing
   * @param {string} path
   * @param {Content} content
   */
  async #ask(pairing, path, content) {
    const { client, port, token } = pairing;
    const silence = Date.now() - this.#heard.at;
    // negative: somebody has set the clock
    const isKnown = this.#heard.client === client && silence >= 0 && silence < TRUST_MS;
    this.#heard = { client: '', at: 0 };
    if (!isKnown) await greet(pairing, content.signal);
    const headers = { ...content.headers, Authorization: `Bearer ${token}` };
    const reply = await post(port, path, { ...content, headers });
    if (reply.status === 401) throw new Failure('not_paired');
    this.#heard = { client, at: Date.now() };
    if (reply.status < 300) return reply;
    throw refused(path, reply);
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
