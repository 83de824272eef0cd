// @ts-check
/** Pictures that were right-clicked: what they are, their names, and from where they may be fetched. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';

import { browser, restart } from './fakes/chrome.js';
import { isLocal } from '../../extension/background/addresses.js';
import { hold, held } from '../../extension/background/held_pictures.js';
import { MOST_BYTES, kindOf, nameFor } from '../../extension/background/picture_kinds.js';
import { handlers } from '../../extension/background/pictures.js';

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
const JPEG = { type: 'image/jpeg', extension: 'jpg' };

/** @type {import('node:http').Server} */
let server;
/** @type {string[]} */
let requests = [];
/** @typedef {import('node:http').ServerResponse} Response */
/** What the server sends, by path. @type {Record<string, (response: Response) => void>} */
const answers = {
  '/a.png': (response) => response.end(PNG),
  '/page.png': (response) => response.writeHead(200, { 'Content-Type': 'image/png' }).end('<!doctype html>'),
  '/gone.png': (response) => response.writeHead(404).end(PNG),
  '/large.png': (response) => {
    // no length is announced, and it goes on for as long as somebody reads
    const more = () => {
      while (!response.destroyed && response.write(Buffer.concat([PNG, Buffer.alloc(2 ** 20)])));
    };
    response.on('drain', more);
    more();
  },
  '/to-another-port.png': (response) => response.writeHead(302, { Location: 'http://localhost:1/' }).end(),
};

before(async () => {
  server = createServer(({ url = '', headers }, response) => {
    requests.push(`${url} ${headers.cookie ?? ''}${headers.referer ?? ''}`.trim());
    answers[url]?.(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
});
after(() => server.close());

beforeEach(() => {
  restart();
  requests = [];
  browser.origins = ['http://127.0.0.1/*'];
  browser.tabs = [{ id: 1, url: here('/') }];
  browser.frames = () => {
    throw new Error('Receiving end does not exist.');
  };
});

/** @param {string} path */
function here(path) {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server does not listen');
  return `http://127.0.0.1:${address.port}${path}`;
}

/** @param {string} url @param {number} [tab] */
const fetchPicture = (url, tab = 1) => handlers['fetch-picture']({ source: { url, tab, frame: 0 } });

// --- what it is ------------------------------------------------------------------------------

/** @param {string} major @param {...string} compatible */
function isoMedia(major, ...compatible) {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(16 + 4 * compatible.length);
  return Buffer.concat([
    size,
    Buffer.from(`ftyp${major}\0\0\0\0${compatible.join('')}`, 'latin1'),
    Buffer.alloc(40),
  ]);
}

for (const [what, bytes, type] of /** @type {[string, Buffer, string | undefined][]} */ ([
  ['JPEG', Buffer.from('ffd8ffe000104a464946', 'hex'), 'image/jpeg'],
  ['PNG', PNG, 'image/png'],
  ['WebP', Buffer.from('RIFF\x1a\0\0\0WEBPVP8 ', 'latin1'), 'image/webp'],
  ['WAVE', Buffer.from('RIFF\x1a\0\0\0WAVEfmt ', 'latin1'), undefined],
  ['GIF', Buffer.from('GIF89a\x01\0'), 'image/gif'],
  ['AVIF', isoMedia('avif', 'mif1', 'miaf'), 'image/avif'],
  ['AVIF with a general brand', isoMedia('mif1', 'miaf', 'avif'), 'image/avif'],
  ['HEIC', isoMedia('heic', 'mif1', 'heic'), 'image/heic'],
  ['HEIC with a general brand', isoMedia('mif1', 'heic'), 'image/heic'],
  ['MP4', isoMedia('isom', 'iso2', 'mp41'), undefined],
  ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), undefined],
  ['HTML', Buffer.from('<!doctype html>'), undefined],
  ['nothing', Buffer.alloc(0), undefined],
  ['the beginning of a JPEG', Buffer.from('ffd8', 'hex'), undefined],
  ['the beginning of an AVIF', isoMedia('avif').subarray(0, 10), undefined],
])) {
  test(`by its bytes: ${what}`, () => assert.equal(kindOf(bytes)?.type, type));
}

for (const [address, name] of [
  ['https://a.example/photos/IMG_1.jpeg?w=10#top', 'IMG_1.jpg'],
  ['https://a.example/photos/IMG_1', 'IMG_1.jpg'],
  ['https://a.example/%C3%9Cbung%20am%20See.png', 'Übung am See.jpg'],
  ['https://a.example/a.b.c.png', 'a.b.c.jpg'],
  ['https://a.example/', 'picture.jpg'],
  ['https://a.example/%ff.png', '_ff.jpg'],
  ['https://a.example/..%2f..%2fetc%2fpasswd', '_.._etc_passwd.jpg'],
  ['https://a.example/gpj.%E2%80%AEexe.png', 'gpj._exe.jpg'],
  ['https://a.example/%00%3A%3C.png', 'picture.jpg'],
  [`https://a.example/${'x'.repeat(300)}.png`, `${'x'.repeat(80)}.jpg`],
  ['data:image/png;base64,AAAA', 'picture.jpg'],
  ['blob:https://a.example/0000-1111', 'picture.jpg'],
]) {
  test(`a name for ${address.slice(0, 60)}`, () => assert.equal(nameFor(address, JPEG), name));
}

// --- addresses inside the network --------------------------------------------------------------

for (const host of [
  'localhost',
  'sub.localhost',
  '127.0.0.1',
  '127.1',
  '0x7f000001',
  '2130706433',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '[::1]',
  '[::]',
  '[::ffff:10.0.0.1]',
  '[fe80::1]',
  '[fd00::1]',
  '[fec0::1]',
  '[ff02::1]',
  '[2002:a00:1::]',
  '[64:ff9b::a00:1]',
  'router',
  'nas.local',
  'printer.lan',
  'wiki.corp',
  'db.internal',
  'box.home.arpa',
  'localhost.',
]) {
  test(`${host} is inside`, () => assert.ok(isLocal(new URL(`http://${host}/a.png`))));
}

for (const host of [
  'example.org',
  'pbs.twimg.com',
  '8.8.8.8',
  '172.32.0.1',
  '11.0.0.1',
  '100.128.0.1',
  '192.169.0.1',
  '[2606:4700::1111]',
  '[2002:808:808::]',
  '[64:ff9b::808:808]',
  'localhost.example.org',
  'example.org.',
]) {
  test(`${host} is outside`, () => assert.ok(!isLocal(new URL(`http://${host}/a.png`))));
}

test('a page outside cannot have a picture inside fetched', async () => {
  browser.tabs = [{ id: 1, url: 'https://example.org/' }];
  await assert.rejects(fetchPicture(here('/a.png')), { code: 'picture_gone' });
  await assert.rejects(fetchPicture(here('/a.png'), 99), { code: 'picture_gone' });
  assert.deepEqual([requests, browser.sent], [[], []]);
});

test('nor by leading the request inside', async (t) => {
  browser.tabs = [{ id: 1, url: 'https://example.org/' }];
  browser.origins = ['https://pics.example.org/*'];
  const led = { ok: true, redirected: true, url: here('/a.png'), body: null };
  t.mock.method(globalThis, 'fetch', async () => led);
  await assert.rejects(fetchPicture('https://pics.example.org/a.png'), { code: 'picture_gone' });
});

// --- fetching ----------------------------------------------------------------------------------

test('a picture in its own address', async () => {
  const { photo, name } = await fetchPicture(`data:text/plain;base64,${PNG.toString('base64')}`);
  assert.deepEqual([photo.type, photo.size, name], ['image/png', PNG.length, 'picture.png']);
  await assert.rejects(fetchPicture('data:image/png,hello'), { code: 'bad_image' });
  await assert.rejects(fetchPicture('data:nonsense'), { code: 'picture_gone' });
});

test('the frame is asked first, and a picture it can read is not fetched again', async () => {
  browser.frames = (_tab, { type, url }) => {
    assert.deepEqual([type, url], ['read-picture', here('/a.png')]);
    return { photo: new Blob([PNG]) };
  };
  assert.equal((await fetchPicture(here('/a.png'))).name, 'a.png');
  assert.deepEqual(requests, []);
  assert.deepEqual(
    browser.sent.map(({ tab, frame }) => [tab, frame]),
    [[1, 0]],
  );
});

test('what the frame cannot read is fetched where that is permitted, without who the user is', async () => {
  browser.frames = () => ({ photo: null });
  const { photo, name } = await fetchPicture(here('/a.png'));
  assert.deepEqual([photo.type, photo.size, name], ['image/png', PNG.length, 'a.png']);
  assert.deepEqual(requests, ['/a.png']);
});

test('where it is not permitted, the answer says what to ask for', async () => {
  await assert.rejects(fetchPicture('https://pics.example.org:8443/a.png'), {
    code: 'no_access',
    detail: 'https://pics.example.org/*',
  });
});

test('a blob that its frame cannot read any more is gone', async () => {
  await assert.rejects(fetchPicture('blob:https://example.org/0000'), { code: 'picture_gone' });
});

for (const url of [
  'javascript:alert(1)',
  'file:///etc/passwd',
  'ftp://example.org/a.png',
  'chrome://favicon',
  'a.png',
  '',
]) {
  test(`no picture is fetched from ${url || 'nowhere'}`, async () => {
    await assert.rejects(fetchPicture(url), { code: 'picture_gone' });
    assert.deepEqual(browser.sent, []);
  });
}

test('what is no picture is refused, whatever its server says', async () => {
  await assert.rejects(fetchPicture(here('/page.png')), { code: 'bad_image' });
  await assert.rejects(fetchPicture(here('/gone.png')), { code: 'picture_gone' });
});

test('a picture that is too large is not read to its end', async () => {
  await assert.rejects(fetchPicture(here('/large.png')), { code: 'image_too_large' });
  browser.frames = () => ({ photo: new Blob([PNG, new Uint8Array(MOST_BYTES)]) });
  await assert.rejects(fetchPicture(here('/a.png')), { code: 'image_too_large' });
});

// --- pictures that wait ------------------------------------------------------------------------

test('long addresses with data wait under a short one', async () => {
  const long = `data:image/png;base64,${Buffer.concat([PNG, Buffer.alloc(3000)]).toString('base64')}`;
  const short = await hold(long);
  assert.ok(short.length < 60);
  assert.equal(await held(short), long);
  assert.equal((await fetchPicture(short)).photo.type, 'image/png');
  for (const url of ['https://a.example/', 'data:image/png,x']) assert.equal(await hold(url), url);
  await hold(`${long}A`);
  await assert.rejects(fetchPicture(short), { code: 'picture_gone' });
});

// --- showing -----------------------------------------------------------------------------------

test('a restored picture is shown by the frame it came from', async () => {
  const photo = new Blob([PNG]);
  const source = { url: here('/a.png'), tab: 1, frame: 7 };
  browser.frames = () => ({ shown: true });
  assert.equal(await handlers['show-in-page']({ source, photo }), null);
  assert.deepEqual(browser.sent, [
    { tab: 1, frame: 7, message: { type: 'show-restored', url: source.url, photo } },
  ]);
  browser.frames = () => ({ shown: false });
  await assert.rejects(handlers['show-in-page']({ source, photo }), { code: 'picture_gone' });
  browser.frames = () => undefined;
  await assert.rejects(handlers['show-in-page']({ source, photo }), { code: 'extension_reloaded' });
});
