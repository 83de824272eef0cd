// @ts-check
/**
 * A program on a port that answers as a test wants it to, and keeps everything it was sent.
 *
 * @module
 */

import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

/** @typedef {import('../../../extension/background/pairing.js').Pairing} Pairing */
/** @typedef {import('node:http').IncomingHttpHeaders} Headers */
/** @typedef {{path: string, headers: Headers, body: Buffer}} Seen */
/** @typedef {Record<string, string>} SetHeaders */
/** @typedef {{status?: number, headers?: SetHeaders, json?: unknown, body?: Uint8Array | string}} Act */
/** @typedef {Act | 'hang' | 'break'} Answer  break: the connection */
/** @typedef {(seen: Seen, count: number) => Answer | Promise<Answer>} Play  count: how often it was asked */

export const TOKEN = Buffer.alloc(32, 7);

/** @param {Uint8Array} bytes */
export function base64url(bytes) {
  return Buffer.from(bytes).toString('base64url');
}

export class ActedDaemon {
  /** @type {Seen[]} */
  seen = [];

  /**
   * @param {import('node:http').Server} server
   * @param {Record<string, Play>} plays  by path
   */
  constructor(server, plays) {
    this.server = server;
    this.plays = plays;
  }

  /**
   * @param {Record<string, Play>} plays
   * @param {{port?: number}} [options]
   */
  static async start(plays, { port = 0 } = {}) {
    const server = createServer();
    const daemon = new ActedDaemon(server, plays);
    server.on('request', (request, response) => void daemon.#answer(request, response));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return daemon;
  }

  get port() {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('it does not listen');
    return address.port;
  }

  /** @returns {string[]} */
  get paths() {
    return this.seen.map(({ path }) => path);
  }

  /** Everything it was ever sent. */
  get everything() {
    return Buffer.concat(this.seen.flatMap(({ path, headers, body }) =>
      [Buffer.from(`${path} ${JSON.stringify(headers)}`), body]));
  }

  /** What a client that is paired with it keeps. @returns {Pairing} */
  get pairing() {
    const pairedAt = '2026-01-31T12:00:00Z';
    return { client: '0123456789abcdef', token: base64url(TOKEN), port: this.port, label: 'Tests', pairedAt };
  }

  async close() {
    this.server.closeAllConnections();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #answer(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const seen = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(parts) };
    this.seen.push(seen);
    const count = this.seen.filter(({ path }) => path === seen.path).length;
    const play = this.plays[seen.path] ?? (() => problem(404, 'not_found'));
    const answer = await play(seen, count);
    if (answer === 'hang') return;
    if (answer === 'break') {
      response.destroy();
      return;
    }
    const { status = 200, headers = {}, json, body = '' } = answer;
    const type = json === undefined ? 'application/octet-stream' : 'application/json';
    response.writeHead(status, { 'Content-Type': type, ...headers });
    response.end(json === undefined ? body : JSON.stringify(json));
  }
}

/**
 * A refusal in the daemon's form.
 * @param {number} status
 * @param {string} code
 * @param {Record<string, string>} [headers]
 * @returns {Act}
 */
export function problem(status, code, headers = {}) {
  const type = `urn:ermask:error:${code}`;
  const json = { type, title: code, status, code, detail: `about ${code}`, hint: null };
  return { status, json, headers: { 'Content-Type': 'application/problem+json', ...headers } };
}

/**
 * The proof of one who holds the token, made as docs/protocol.md says and not with the code under test.
 * @param {{token?: Uint8Array, port?: number}} [with_]  other than those of the request
 * @returns {Play}
 */
export function hello({ token = TOKEN, port } = {}) {
  return ({ body, headers }) => {
    const theirs = Buffer.from(JSON.parse(body.toString()).nonce, 'base64url');
    const ours = randomBytes(32);
    const at = Buffer.alloc(2);
    at.writeUInt16BE(port ?? Number(headers.host?.split(':')[1]));
    const key = Buffer.from(hkdfSync('sha256', token, '', 'ermask hello v1', 32));
    const message = Buffer.concat([Buffer.from('ermask hello v1\0'), theirs, ours, at]);
    const proof = createHmac('sha256', key).update(message).digest();
    return { json: { nonce: base64url(ours), proof: base64url(proof) } };
  };
}
