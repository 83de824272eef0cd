// @ts-check
/**
 * Uploads in pieces, whose size and CRC the page declares before the first byte, as large sites want it.
 *
 * @module
 */

import { crc32 } from 'node:zlib';

/** @typedef {{name: string, type: string, size: number, crc: number, pieces: Map<number, Buffer>}} Upload */

export class ChunkedUploads {
  /** @type {Map<string, Upload>} */
  #uploads = new Map();

  /**
   * `/chunked/begin` with a JSON body, `/chunked/piece?id=&offset=` with bytes, `/chunked/end?id=`.
   * @param {URL} url
   * @param {Buffer} body
   * @returns {{told: Record<string, unknown>, file?: {name: string, type: string, bytes: Buffer}}}
   */
  receive(url, body) {
    if (url.pathname === '/chunked/begin') {
      const id = String(this.#uploads.size + 1);
      this.#uploads.set(id, { ...JSON.parse(body.toString()), pieces: new Map() });
      return { told: { id } };
    }
    const upload = this.#uploads.get(url.searchParams.get('id') ?? '');
    if (!upload) throw new Error('no such upload');
    if (url.pathname === '/chunked/piece') {
      upload.pieces.set(Number(url.searchParams.get('offset')), body);
      return { told: {} };
    }
    const inOrder = [...upload.pieces].sort(([one], [other]) => one - other).map(([, piece]) => piece);
    const bytes = Buffer.concat(inOrder);
    if (bytes.length !== upload.size) throw new Error(`declared ${upload.size} bytes, sent ${bytes.length}`);
    if (crc32(bytes) !== upload.crc) throw new Error('the declared CRC is of other bytes');
    return { told: {}, file: { name: upload.name, type: upload.type, bytes } };
  }
}
