// @ts-check
/**
 * Becoming a client of the daemon with the code that the user types. docs/protocol.md, Pairing.
 *
 * @module
 */

import { LENGTH, symbols } from '../shared/pairing_code.js';
import { decode, encode } from './base64url.js';
import { Failure } from './failure.js';
import { isProof, newNonce, openToken, pairingKeys, prove, transcript } from './proofs.js';
import { jsonOf, post, refusalOf } from './requests.js';

/** @typedef {import('./proofs.js').Bytes} Bytes */

/**
 * What a pairing leaves. The token, as it is sent, is the right to use the daemon: for the background alone.
 * @typedef {{client: string, token: string, port: number, label: string, pairedAt: string}} Pairing
 */

/** The daemon derives its keys, slowly on purpose, before it answers. */
const LIMIT_MS = 20_000;
const TOKEN_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const LONGEST_LABEL = 64;

/**
 * @param {{code: string, port: number, origin: string, label: string}} offer  `code` as typed; `origin` as
 *   the browser will send it, empty where it sends none
 * @returns {Promise<Pairing>}
 * @throws {Failure} pairing_failed: a wrong code; unauthorized: the window is closed; wrong_daemon: the other
 *   side does not know the code; and those of `post`
 */
export async function pair(offer) {
  const code = symbols(offer.code);
  if (code.length !== LENGTH) throw new Failure('pairing_failed');
  const label = [...offer.label].slice(0, LONGEST_LABEL).join('');
  const clientNonce = newNonce();
  const begun = await step(offer.port, 'begin', { nonce: encode(clientNonce) });
  const daemonNonce = bytes(begun.nonce, 32);

  const exchange = { ...offer, code, label, clientNonce, daemonNonce };
  const seen = transcript(exchange);
  const keys = await pairingKeys(exchange);
  const proof = encode(await prove(keys.client, seen));
  const finished = await step(offer.port, 'finish', { nonce: encode(daemonNonce), label, proof });

  if (!(await isProof(keys.daemon, seen, bytes(finished.proof, 32)))) throw new Failure('wrong_daemon');
  const token = encode(await opened(keys.token, finished, seen));
  return { client: finished.client, token, port: offer.port, label, pairedAt: new Date().toISOString() };
}

/**
 * @param {number} port
 * @param {'begin' | 'finish'} name
 * @param {Record<string, string>} json
 */
async function step(port, name, json) {
  const reply = await post(port, `/v1/pair/${name}`, { json, limit: LIMIT_MS });
  const answer = reply.status === 200 ? jsonOf(reply) : null;
  if (!answer) throw refusalOf(reply) ?? new Failure('wrong_daemon');
  return answer;
}

/**
 * @param {CryptoKey} key
 * @param {Record<string, unknown>} finished
 * @param {Bytes} seen
 */
async function opened(key, finished, seen) {
  const client = typeof finished.client === 'string' ? finished.client : '';
  const iv = bytes(finished.iv, IV_BYTES);
  const sealed = bytes(finished.token, TOKEN_BYTES + TAG_BYTES);
  try {
    return await openToken(key, { iv, sealed, transcript: seen, client });
  } catch (error) {
    throw new Failure('wrong_daemon', { cause: error });
  }
}

/**
 * @param {unknown} text
 * @param {number} size
 */
function bytes(text, size) {
  const found = decode(text);
  if (found?.length !== size) throw new Failure('wrong_daemon');
  return found;
}
