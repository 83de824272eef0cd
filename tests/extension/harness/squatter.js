// @ts-check
/**
 * A program that has taken the daemon's port, and says yes to everything.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

/** @typedef {import('node:http').IncomingHttpHeaders} Headers */
/** @typedef {{method: string, path: string, headers: Headers, body: Buffer}} Heard */

export class Squatter {
  /** @type {Heard[]} */
  heard = [];
  #server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const { method = '', url: path = '', headers } = request;
    this.heard.push({ method, path, headers, body: Buffer.concat(parts) });
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ nonce: random(), proof: random() }));
  });

  /** @param {number} port */
  static async take(port) {
    const squatter = new Squatter();
    await new Promise((resolve, reject) => {
      squatter.#server.on('error', reject);
      squatter.#server.listen(port, '127.0.0.1', () => resolve(undefined));
    });
    return squatter;
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function random() {
  return randomBytes(32).toString('base64url');
}
