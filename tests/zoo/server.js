// @ts-check
/**
 * A site of many upload pages, one for each way in which sites take photos. It keeps all that arrives.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { ChunkedUploads } from './chunked_uploads.js';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };
/** Pages that forbid themselves nearly everything. */
/** @type {Record<string, string>} */
const POLICIES = {
  '/csp.html':
    "default-src 'none'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; " +
    "require-trusted-types-for 'script'; trusted-types 'none'",
};

/**
 * One file as the site got it.
 * @typedef {{page: string, via: string, name: string, type: string, bytes: Buffer, sha256: string}} Arrival
 */

export class Zoo {
  /** Whole files. @type {Arrival[]} */
  arrivals = [];
  /** Every request body as it was sent, whole files or not. @type {Buffer[]} */
  bodies = [];
  /** @type {Map<string, {bytes: Buffer, type: string}>} */
  #posted = new Map();
  #chunked = new ChunkedUploads();
  /** @type {Map<string, Promise<string>>} */
  #bundles = new Map();
  /** @type {import('node:http').Server[]} */
  #servers = [];

  static async start() {
    const zoo = new Zoo();
    zoo.port = await zoo.#listen();
    zoo.otherPort = await zoo.#listen();
    return zoo;
  }

  port = 0;
  /** The same pages, of another origin. */
  otherPort = 0;

  /** @param {string} page @param {string} [host] */
  url(page, host = '127.0.0.1') {
    return `http://${host}:${this.port}/${page}`;
  }

  /** Forget what arrived. */
  clear() {
    this.arrivals = [];
    this.bodies = [];
  }

  /**
   * Serve a picture, as a site serves what was posted.
   * @param {Buffer} bytes
   * @param {string} [type]
   * @returns {string} its address
   */
  post(bytes, type = 'image/jpeg') {
    const path = `/posted/${this.#posted.size + 1}`;
    this.#posted.set(path, { bytes, type });
    return `http://127.0.0.1:${this.port}${path}`;
  }

  async close() {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }

  /** @returns {Promise<number>} */
  async #listen() {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => {
        response.writeHead(500).end(String(error));
      });
    });
    this.#servers.push(server);
    // no host: pages are also asked for by the name localhost, which may mean ::1
    await new Promise((resolve) => server.listen(0, () => resolve(undefined)));
    return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #answer(request, response) {
    const url = new URL(request.url ?? '/', 'http://zoo.invalid');
    // sandboxed frames have no origin of their own, and must be able to upload all the same
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Headers', '*');
    if (request.method === 'OPTIONS') {
      response.writeHead(204).end();
    } else if (request.method === 'POST') {
      const body = await bodyOf(request);
      this.bodies.push(body);
      const told = await this.#receive(url, request.headers['content-type'] ?? '', body);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(told));
    } else {
      await this.#serve(url, response);
    }
  }

  /**
   * @param {URL} url
   * @param {string} type
   * @param {Buffer} body
   */
  async #receive(url, type, body) {
    const page = url.searchParams.get('page') ?? '';
    const via = url.searchParams.get('via') ?? '';
    if (url.pathname.startsWith('/chunked/')) {
      const whole = this.#chunked.receive(url, body);
      if (whole.file) this.#keep({ page, via, ...whole.file });
      return whole.told;
    }
    if (type.startsWith('multipart/form-data')) {
      const headers = { 'content-type': type };
      const form = await new Response(Uint8Array.from(body), { headers }).formData();
      for (const value of form.values()) {
        if (typeof value === 'string') continue;
        const bytes = Buffer.from(await value.arrayBuffer());
        // an empty file input is sent as a file without a name
        if (value.name !== '' || bytes.length > 0) {
          this.#keep({ page, via, name: value.name, type: value.type, bytes });
        }
      }
    } else {
      this.#keep({ page, via, name: url.searchParams.get('name') ?? '', type, bytes: body });
    }
    return { arrived: this.arrivals.length };
  }

  /** @param {Omit<Arrival, 'sha256'>} file */
  #keep(file) {
    this.arrivals.push({ ...file, sha256: createHash('sha256').update(file.bytes).digest('hex') });
  }

  /**
   * @param {URL} url
   * @param {import('node:http').ServerResponse} response
   */
  async #serve(url, response) {
    const posted = this.#posted.get(url.pathname);
    if (posted) {
      response.writeHead(200, { 'content-type': posted.type }).end(posted.bytes);
      return;
    }
    const path = normalize(url.pathname);
    if (path.startsWith('/bundles/')) {
      const text = await this.#bundle(path.slice('/bundles/'.length));
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(text);
      return;
    }
    const policy = POLICIES[path];
    if (policy) response.setHeader('Content-Security-Policy', policy);
    const content = await readFile(join(FOLDER, 'pages', path)).catch(() => null);
    if (content === null) {
      response.writeHead(404).end();
      return;
    }
    const text = content.toString().replaceAll('{{OTHER_PORT}}', String(this.otherPort));
    response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'text/plain' }).end(text);
  }

  /**
   * A script of `bundles/` with the packages it imports, in one file.
   * @param {string} name
   */
  #bundle(name) {
    let bundle = this.#bundles.get(name);
    if (!bundle) {
      bundle = build({
        entryPoints: [join(FOLDER, 'bundles', name)],
        bundle: true,
        write: false,
        format: 'iife',
        jsx: 'automatic',
        define: { 'process.env.NODE_ENV': '"production"' },
        logLevel: 'silent',
      }).then((result) => result.outputFiles[0].text);
      this.#bundles.set(name, bundle);
    }
    return bundle;
  }
}

/** @param {import('node:http').IncomingMessage} request */
async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}
