// @ts-check
/** Pairing and hello against tests/vectors/pairing.json, which the daemon is tested with too. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import * as base64url from '../../extension/background/base64url.js';
import * as proofs from '../../extension/background/proofs.js';
import { symbols } from '../../extension/shared/pairing_code.js';
import { ROOT } from './harness/requirements.js';

/** @type {{vectors: Record<string, any>[]}} */
const { vectors } = JSON.parse(readFileSync(join(ROOT, 'tests', 'vectors', 'pairing.json'), 'utf8'));

/** @param {string} text */
function bytes(text) {
  const found = base64url.decode(text);
  assert.ok(found, text);
  return found;
}

/** @param {Uint8Array<ArrayBuffer>} proof */
function changed(proof) {
  const other = proof.slice();
  other[31] ^= 1;
  return other;
}

describe('pairing', () => {
  assert.ok(vectors.length >= 3);
  for (const vector of vectors) {
    const exchange = {
      code: symbols(vector.typed),
      port: vector.port,
      origin: vector.origin ?? '',
      label: vector.label,
      clientNonce: bytes(vector.client_nonce),
      daemonNonce: bytes(vector.daemon_nonce),
    };
    const transcript = proofs.transcript(exchange);

    it(`${vector.id}: ${vector.comment}`, async () => {
      assert.equal(exchange.code, vector.canonical);
      assert.equal(base64url.encode(transcript), vector.transcript);
      const keys = await proofs.pairingKeys(exchange);
      assert.equal(base64url.encode(await proofs.prove(keys.client, transcript)), vector.client_proof);

      const proof = bytes(vector.daemon_proof);
      assert.equal(await proofs.isProof(keys.daemon, transcript, proof), true);
      assert.equal(await proofs.isProof(keys.daemon, transcript, changed(proof)), false);
      assert.equal(await proofs.isProof(keys.daemon, transcript, proof.slice(0, 31)), false);
      assert.equal(await proofs.isProof(keys.daemon, transcript, null), false);

      const sealed = bytes(vector.sealed_token);
      const answer = { iv: bytes(vector.iv), sealed, transcript, client: vector.client };
      assert.equal(base64url.encode(await proofs.openToken(keys.token, answer)), vector.token);
      // the token belongs to this client and this exchange
      await assert.rejects(proofs.openToken(keys.token, { ...answer, client: 'ffffffffffffffff' }));
      await assert.rejects(proofs.openToken(keys.token, { ...answer, transcript: transcript.slice(1) }));
    });

    it(`${vector.id}: hello`, async () => {
      const nonces = [bytes(vector.hello_client_nonce), bytes(vector.hello_daemon_nonce)];
      const key = await proofs.helloKey(bytes(vector.token));
      const proof = bytes(vector.hello_proof);
      const message = proofs.helloMessage(nonces[0], nonces[1], vector.port);
      assert.equal(await proofs.isProof(key, message, proof), true);
      const elsewhere = proofs.helloMessage(nonces[0], nonces[1], vector.port + 1);
      assert.equal(await proofs.isProof(key, elsewhere, proof), false);
      const turned = proofs.helloMessage(nonces[1], nonces[0], vector.port);
      assert.equal(await proofs.isProof(key, turned, proof), false);
    });
  }

  it('takes no secret out of the browser', async () => {
    const key = await proofs.helloKey(bytes(vectors[0].token));
    assert.equal(key.extractable, false);
    await assert.rejects(crypto.subtle.exportKey('raw', key));
  });

  it('has a new nonce each time', () => {
    const nonces = new Set(Array.from({ length: 100 }, () => base64url.encode(proofs.newNonce())));
    assert.equal(nonces.size, 100);
  });
});

describe('base64url', () => {
  it('takes bytes there and back', () => {
    for (const size of [0, 1, 2, 3, 31, 32, 33, 100_000]) {
      const some = Uint8Array.from({ length: size }, (_, at) => (at * 151 + 7) & 0xff);
      const text = base64url.encode(some);
      assert.equal(text, Buffer.from(some).toString('base64url'));
      assert.deepEqual(base64url.decode(text), some);
    }
  });

  it('refuses everything else', () => {
    for (const odd of ['a', 'abcde', 'ab==', 'a b', 'a+b/', 'ä', null, undefined, 7, {}]) {
      assert.equal(base64url.decode(odd), null, String(odd));
    }
  });
});
