// @ts-check
/** The toolbar's icons: all there, and told apart by their shape, without colour. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { inflateSync } from 'node:zlib';

const FOLDER = new URL('../../extension/icons/', import.meta.url);
const STATES = ['on', 'off', 'paused', 'not-paired', 'daemon-down', 'working', 'done', 'error'];
const SIZES = [16, 32, 48, 128];
/** A step of brightness, of 255, that is easy to see; and the share of an icon that has to show it. */
const STEP = 40;
const SHARE = 0.06;

/**
 * An 8-bit RGBA PNG as Chromium writes it.
 * @param {Buffer} file
 * @returns {{width: number, height: number, pixels: Uint8Array}}
 */
function decode(file) {
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  assert.deepEqual([...file.subarray(24, 29)], [8, 6, 0, 0, 0], '8 bits, RGBA, not interlaced');
  const parts = [];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * 4;
  const pixels = new Uint8Array(height * stride);
  for (let row = 0; row < height; row += 1) {
    const filter = raw[row * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const at = row * stride + x;
      const left = x < 4 ? 0 : (pixels[at - 4] ?? 0);
      const up = row === 0 ? 0 : (pixels[at - stride] ?? 0);
      const corner = row === 0 || x < 4 ? 0 : (pixels[at - stride - 4] ?? 0);
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0;
      pixels[at] = (raw[row * (stride + 1) + 1 + x] ?? 0) + guess;
    }
  }
  return { width, height, pixels };
}

/** @param {number} left @param {number} up @param {number} corner */
function paeth(left, up, corner) {
  const [a, b, c] = [left, up, corner].map((each) => Math.abs(left + up - corner - each));
  return /** @type {number} */ (a) <= /** @type {number} */ (b) &&
    /** @type {number} */ (a) <= /** @type {number} */ (c)
    ? left
    : /** @type {number} */ (b) <= /** @type {number} */ (c)
      ? up
      : corner;
}

/** Brightness of each pixel on a toolbar of that brightness. @param {string} state @param {number} toolbar */
function grey(state, toolbar) {
  const { pixels } = decode(readFileSync(new URL(`${state}-16.png`, FOLDER)));
  return Array.from({ length: pixels.length / 4 }, (_, index) => {
    const [red = 0, green = 0, blue = 0, alpha = 0] = pixels.subarray(index * 4, index * 4 + 4);
    return (alpha / 255) * (0.21 * red + 0.72 * green + 0.07 * blue) + (1 - alpha / 255) * toolbar;
  });
}

describe('the icons', () => {
  it('are there in all sizes, each from a drawing', () => {
    for (const state of STATES) {
      assert.ok(existsSync(new URL(`${state}.svg`, FOLDER)), state);
      for (const size of SIZES) {
        const { width, height } = decode(readFileSync(new URL(`${state}-${size}.png`, FOLDER)));
        assert.deepEqual([width, height], [size, size], `${state}-${size}.png`);
      }
    }
    assert.equal(readdirSync(FOLDER).length, STATES.length * (SIZES.length + 1), 'and nothing else');
  });

  for (const [name, toolbar] of /** @type {const} */ ([
    ['light', 250],
    ['dark', 50],
  ])) {
    it(`differ in shape on a ${name} toolbar`, () => {
      for (const [index, one] of STATES.entries()) {
        for (const other of STATES.slice(index + 1)) {
          const theirs = grey(other, toolbar);
          const mine = grey(one, toolbar);
          const apart =
            mine.filter((value, at) => Math.abs(value - (theirs[at] ?? 0)) >= STEP).length / mine.length;
          assert.ok(apart >= SHARE, `${one} and ${other}: ${(apart * 100).toFixed(1)} % of the pixels`);
        }
      }
    });

    it(`stand out from a ${name} toolbar`, () => {
      for (const state of STATES) {
        const seen = grey(state, toolbar).filter((value) => Math.abs(value - toolbar) >= STEP).length / 256;
        assert.ok(seen >= 0.15, `${state}: ${(seen * 100).toFixed(1)} %`);
      }
    });
  }
});
