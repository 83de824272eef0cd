// @ts-check
/**
 * Does the program on the port hold what the paired daemon holds? Asked before it is given anything.
 *
 * @module
 */

import { decode, encode } from './base64url.js';
import { Failure } from './failure.js';
import { helloKey, helloMessage, isProof, newNonce } from './proofs.js';
import { jsonOf, post, refusalOf } from './requests.js';

/** @typedef {import('./pairing.js').Pairing} Pairing */

/** A daemon that is only busy answers this at once: the photos are in other threads. */
const LIMIT_MS = 10_000;

/**
 * @param {Pairing} pairing
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>} once the daemon has proved itself
 * @throws {Failure} wrong_daemon, daemon_too_old, and those of `post`
 */
export async function greet({ client, token, port }, signal) {
  const nonce = newNonce();
  const json = { client, nonce: encode(nonce) };
  const reply = await post(port, '/v1/hello', { json, signal, limit: LIMIT_MS });
  if (reply.status !== 200) throw strange(reply);
  const answer = jsonOf(reply);
  const daemonNonce = decode(answer?.nonce);
  if (daemonNonce?.length !== 32) throw new Failure('wrong_daemon');
  const secret = decode(token);
  if (!secret) throw new TypeError('a stored token is base64url');
  const key = await helloKey(secret);
  if (!(await isProof(key, helloMessage(nonce, daemonNonce, port), decode(answer.proof)))) {
    throw new Failure('wrong_daemon');
  }
}

/**
 * @param {import('./requests.js').Reply} reply
 * @returns {Failure}
 */
function strange(reply) {
  const refusal = refusalOf(reply);
  if (!refusal) return new Failure('wrong_daemon');
  // hello is open to all: a daemon that wants a token for it does not know it
  return isUnknown(refusal) ? new Failure('daemon_too_old') : refusal;
}

/** @param {Failure} refusal */
function isUnknown({ code }) {
  return code === 'unauthorized' || code === 'not_found';
}
