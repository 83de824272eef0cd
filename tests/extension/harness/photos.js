// @ts-check
/**
 * Photos to upload, and a look at what arrived. The work is done by photos.py beside this file.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { python } from './requirements.js';

/** @typedef {'jpeg' | 'png' | 'webp' | 'heic' | 'gif' | 'pdf' | 'animated'} Kind */
/** @typedef {{path: string, name: string, bytes: Buffer}} Photo */
/** @typedef {{code: string | null, circle: string | null, faces: number}} Findings */

const SUFFIXES = {
  jpeg: 'jpg',
  png: 'png',
  webp: 'webp',
  heic: 'heic',
  gif: 'gif',
  pdf: 'pdf',
  animated: 'gif',
};

export class Photos {
  #child;
  /** @type {{resolve: (value: any) => void, reject: (error: Error) => void}[]} */
  #waiting = [];
  #count = 0;

  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder;
    this.#child = spawn(python(), ['-P', fileURLToPath(new URL('photos.py', import.meta.url))], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface(this.#child.stdout).on('line', (line) => {
      const answer = JSON.parse(line);
      const waiting = this.#waiting.shift();
      if ('error' in answer) waiting?.reject(new Error(answer.error));
      else waiting?.resolve(answer.value);
    });
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('photos.py has ended'));
    });
  }

  static async open() {
    return new Photos(await mkdtemp(join(tmpdir(), 'ermask-photos-')));
  }

  /**
   * Make a photo with a face (or without). Each one is new: no two have the same bytes.
   * @param {{face?: boolean, kind?: Kind, name?: string}} [options]
   * @returns {Promise<Photo>}
   */
  async make({ face = true, kind = 'jpeg', name } = {}) {
    const number = (this.#count += 1);
    const path = join(this.folder, name ?? `photo-${number}.${SUFFIXES[kind]}`);
    await this.#ask({ do: 'make', path, face, kind, variant: number % 60 });
    return { path, name: path.slice(this.folder.length + 1), bytes: await readFile(path) };
  }

  /**
   * A file that is not made by photos.py.
   * @param {string} name
   * @param {string | Uint8Array} content
   * @returns {Promise<Photo>}
   */
  async write(name, content) {
    const path = join(this.folder, name);
    await writeFile(path, content);
    return { path, name, bytes: await readFile(path) };
  }

  /**
   * Which circle of a machine a picture is protected for.
   * @param {Uint8Array} bytes
   * @param {{home: string}} machine
   * @returns {Promise<Findings>}
   */
  async inspect(bytes, machine) {
    return this.#ask({ do: 'inspect', path: await this.#keep(bytes), home: machine.home });
  }

  /**
   * How far two pictures are apart.
   * @param {Uint8Array} bytes
   * @param {Uint8Array} others
   * @returns {Promise<{mean: number, same: boolean}>}
   */
  async compare(bytes, others) {
    const [path, other] = [await this.#keep(bytes), await this.#keep(others)];
    return this.#ask({ do: 'compare', path, other });
  }

  /**
   * What a site would serve.
   * @param {Uint8Array} bytes
   * @param {{quality?: number, scale?: number}} [options]
   */
  async recompress(bytes, { quality = 75, scale = 1 } = {}) {
    const to = this.#newPath();
    await this.#ask({ do: 'recompress', path: await this.#keep(bytes), to, quality, scale });
    return readFile(to);
  }

  async close() {
    this.#child.stdin.end();
    await once(this.#child, 'exit');
    await rm(this.folder, { recursive: true, force: true });
  }

  /** @param {Uint8Array} bytes */
  async #keep(bytes) {
    const path = this.#newPath();
    await writeFile(path, bytes);
    return path;
  }

  #newPath() {
    return join(this.folder, `seen-${(this.#count += 1)}`);
  }

  /**
   * @param {{do: string} & Record<string, unknown>} request
   * @returns {Promise<any>}
   */
  #ask(request) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }
}
