// @ts-check
/**
 * Draws extension/icons/*.svg as the PNGs that browsers want for toolbars: `make icons`.
 *
 * @module
 */

import { readdir, readFile, writeFile } from 'node:fs/promises';

import puppeteer from 'puppeteer-core';

import { browserPath } from './harness/requirements.js';

const FOLDER = new URL('../../extension/icons/', import.meta.url);
const SIZES = [16, 32, 48, 128];

const executablePath = browserPath('chromium');
if (executablePath === null) throw new Error('Chromium draws the icons, and is not installed.');
const browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage();
  const sources = (await readdir(FOLDER)).filter((name) => name.endsWith('.svg'));
  for (const source of sources) {
    const drawing = await readFile(new URL(source, FOLDER), 'base64');
    for (const size of SIZES) {
      const png = await page.evaluate(draw, drawing, size);
      const name = source.replace('.svg', `-${size}.png`);
      await writeFile(new URL(name, FOLDER), Buffer.from(png, 'base64'));
    }
  }
  process.stdout.write(`Drew ${sources.length} icons in ${SIZES.length} sizes.\n`);
} finally {
  await browser.close();
}

/**
 * Runs in the browser.
 * @param {string} drawing  SVG, as base64
 * @param {number} size  pixels
 * @returns {Promise<string>} PNG, as base64
 */
async function draw(drawing, size) {
  const image = new Image(size, size);
  image.src = `data:image/svg+xml;base64,${drawing}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = size;
  canvas.height = size;
  canvas.getContext('2d')?.drawImage(image, 0, 0, size, size);
  return canvas.toDataURL('image/png').replace(/^.*,/, '');
}
