// @ts-check
/**
 * The cryptography of pairing and hello, as docs/protocol.md has it. Nothing here talks or remembers.
 *
 * @module
 */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/**
 * One pairing as both sides see it. `code` is canonical; the nonces have 32 bytes each.
 * @typedef {{code: string, port: number, origin: string, label: string,
 *            clientNonce: Bytes, daemonNonce: Bytes}} Exchange
 */

/** @typedef {{client: CryptoKey, daemon: CryptoKey, token: CryptoKey}} PairingKeys */

/** Slow on purpose: who sees one proof must not be able to try all codes in the time a window is open. */
const ITERATIONS = 600_000;
const HMAC = { name: 'HMAC', hash: 'SHA-256', length: 256 };

/** @param {string} text */
function utf8(text) {
  return new TextEncoder().encode(text);
}

/**
 * @param {...Uint8Array} parts
 * @returns {Bytes}
 */
function joined(...parts) {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * Two bytes, the higher first.
 * @param {number} number
 */
function u16(number) {
  return Uint8Array.of(number >> 8, number & 0xff);
}

/** @param {string} text */
function sized(text) {
  const bytes = utf8(text);
  return joined(u16(bytes.length), bytes);
}

/** @param {string} what */
function context(what) {
  return joined(utf8(what), Uint8Array.of(0));
}

/**
 * What both proofs of a pairing are made over.
 * @param {Exchange} exchange
 */
export function transcript({ clientNonce, daemonNonce, port, origin, label }) {
  return joined(context('ermask pair v1'), clientNonce, daemonNonce, u16(port), sized(origin), sized(label));
}

/**
 * The three keys of a pairing. Takes about half a second.
 * @param {Exchange} exchange
 * @returns {Promise<PairingKeys>}
 */
export async function pairingKeys({ code, clientNonce, daemonNonce }) {
  const { subtle } = crypto;
  const typed = await subtle.importKey('raw', utf8(code), 'PBKDF2', false, ['deriveBits']);
  const salt = joined(clientNonce, daemonNonce);
  const slowly = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: ITERATIONS };
  const root = await subtle.deriveBits(slowly, typed, 256);
  const [client, daemon, token] = await Promise.all([
    expand(root, 'ermask pair v1 client', HMAC, ['sign']),
    expand(root, 'ermask pair v1 daemon', HMAC, ['verify']),
    expand(root, 'ermask pair v1 token', { name: 'AES-GCM', length: 256 }, ['decrypt']),
  ]);
  return { client, daemon, token };
}

/**
 * HKDF-SHA256 without salt.
 * @param {BufferSource} secret
 * @param {string} info
 * @param {HmacImportParams | AesKeyAlgorithm} algorithm
 * @param {KeyUsage[]} usages
 */
async function expand(secret, info, algorithm, usages) {
  const { subtle } = crypto;
  const base = await subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
  const how = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(info) };
  return subtle.deriveKey(how, base, algorithm, false, usages);
}

/**
 * @param {CryptoKey} key
 * @param {Bytes} message
 * @returns {Promise<Bytes>} 32 bytes
 */
export async function prove(key, message) {
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, message));
}

/**
 * @param {CryptoKey} key
 * @param {Bytes} message
 * @param {Bytes | null} proof
 * @returns {Promise<boolean>} found in the same time wherever the first difference is
 */
export async function isProof(key, message, proof) {
  return proof !== null && crypto.subtle.verify('HMAC', key, proof, message);
}

/**
 * @param {CryptoKey} key
 * @param {{iv: Bytes, sealed: Bytes, transcript: Bytes, client: string}} answer
 * @returns {Promise<Bytes>} the token. Rejects when it was sealed by somebody else or for another exchange.
 */
export async function openToken(key, { iv, sealed, transcript: seen, client }) {
  const additionalData = joined(seen, utf8(client));
  return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, key, sealed));
}

/** @param {Bytes} token */
export function helloKey(token) {
  return expand(token, 'ermask hello v1', HMAC, ['verify']);
}

/**
 * What the daemon proves itself over.
 * @param {Bytes} clientNonce
 * @param {Bytes} daemonNonce
 * @param {number} port
 */
export function helloMessage(clientNonce, daemonNonce, port) {
  return joined(context('ermask hello v1'), clientNonce, daemonNonce, u16(port));
}

/** @returns {Bytes} 32 random bytes */
export function newNonce() {
  return crypto.getRandomValues(new Uint8Array(32));
}
