// @ts-check
/** Pictures that come inside the HTML of a paste, and folders that come in a drop. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { load } from './content/scripts.js';

const scripts = load(['flavours', 'folders']);
const flavours = scripts('flavours');
const folders = scripts('folders');

const A = Buffer.from('first').toString('base64');
const B = Buffer.from('second??').toString('base64');

test('pictures embedded in HTML are found, whatever they stand in', async () => {
  const html = `<p>x<img src="data:image/jpeg;base64,${A}"><b style='background:url(data:image/PNG;base64,${B})'>`;
  const files = flavours.embedded(html);
  assert.deepEqual([...files].map(({ name, type }) => [name, type]),
    [['picture-1.jpeg', 'image/jpeg'], ['picture-2.png', 'image/png']]);
  assert.equal(await files[0].text(), 'first');
  assert.equal(await files[1].text(), 'second??');
});

test('line breaks and percent signs in them do not hide them', async () => {
  const broken = `${A.slice(0, 4)}\r\n${A.slice(4)}`;
  const [first, second] = flavours.embedded(
    `<img src="data:image/jpeg;base64,${broken}"><img src="data:image/jpeg;charset=x;base64,${encodeURIComponent(B)}">`);
  assert.equal(await first.text(), 'first');
  assert.equal(await second.text(), 'second??');
});

test('drawings and moving pictures are none of our business', () => {
  assert.equal(flavours.embedded(`<img src="data:image/svg+xml;base64,${A}"><img src=data:image/gif;base64,${A}>`).length, 0);
});

test('a damaged one is held all the same', () => {
  assert.equal(flavours.embedded('<img src="data:image/png;base64,A%0">').length, 1);
});

test('each is replaced in its place, and one that was left out is gone', async () => {
  const gif = `<img src="data:image/gif;base64,${A}">`;
  const html = `<img src="data:image/jpeg;base64,${A}">${gif}<img src="data:image/jpeg;base64,${B}">`;
  const filled = await flavours.refill(html, [new Blob(['new'], { type: 'image/jpeg' }), null]);
  assert.equal(filled, `<img src="data:image/jpeg;base64,${Buffer.from('new').toString('base64')}">${gif}<img src="data:,">`);
});

/** @param {string} name @param {any[]} children @param {number} [batch] */
const folder = (name, children, batch = 2) => ({
  name,
  isDirectory: true,
  createReader: () => {
    const left = [...children];
    return { readEntries: (/** @type {any} */ done) => done(left.splice(0, batch)) };
  },
});
/** @param {string} name */
const entry = (name) => (
  { name, isDirectory: false, file: (/** @type {any} */ done) => done(new File([name], name)) });

test('a dropped folder is read whole, in all its batches, with paths', async () => {
  const load = await folders.flatten([
    new File(['x'], 'loose.jpg'),
    folder('trip', [entry('a.jpg'), folder('day 1', [entry('b.jpg')]), entry('c.jpg'), folder('empty', [])]),
  ]);
  assert.deepEqual([...load.paths], ['', 'trip/a.jpg', 'trip/day 1/b.jpg', 'trip/c.jpg']);
  assert.deepEqual([...load.folders], ['trip', 'trip/day 1', 'trip/empty']);
  assert.deepEqual([...load.order], [0, 'trip']);
});

test('a folder that cannot be read stops the drop', async () => {
  const broken = { name: 'x', createReader: () => ({ readEntries: (/** @type {any} */ _, /** @type {any} */ no) => no(new Error('no')) }) };
  await assert.rejects(folders.flatten([broken]));
});

test('files that were left out leave no trace', async () => {
  const load = await folders.flatten([new File(['1'], '1'), new File(['2'], '2'), folder('f', [entry('3')])]);
  const left = folders.without(load, [null, load.files[1], load.files[2]]);
  assert.deepEqual([...left.paths], ['', 'f/3']);
  assert.deepEqual([...left.order], [0, 'f']);
});
