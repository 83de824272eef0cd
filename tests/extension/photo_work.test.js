// @ts-check
/** What is believed of the daemon's answers about photos, and how long it is asked. */

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';

import { Link } from '../../extension/background/link.js';
import { inspect, protect, restore } from '../../extension/background/photo_work.js';
import { ActedDaemon, hello, problem } from './link/acted_daemon.js';
import { memoryStore } from './link/memory_store.js';
import './link/stub_chrome.js';

/** @typedef {import('./link/acted_daemon.js').Play} Play */
/** @typedef {import('./link/acted_daemon.js').Act} Act */

const JPEG = Buffer.from('ffd8ffe000104a4649460001', 'hex');
const OTHER_JPEG = Buffer.concat([JPEG, Buffer.from('changed')]);
const PHOTO = new Blob([JPEG]);
const FACE = { box: [1, 2, 3, 4], score: 0.9, width: 80, changed: true, reason: null };
const RESULT = { found: 1, changed: 1, faces: [FACE], matches: [], ms: {}, provider: 'CPUExecutionProvider' };
const WISH = /** @type {const} */ ({ circle: 'Família 👪', strength: 'high' });
const JOB = 'ab'.repeat(16);
const WAIT = `/v1/jobs/${JOB}/wait`;

/** @type {ActedDaemon[]} */
const open = [];

/** @param {Record<string, Play>} plays */
async function play(plays) {
  const daemon = await ActedDaemon.start({ '/v1/hello': hello(), ...plays });
  open.push(daemon);
  return { daemon, link: new Link(memoryStore(daemon.pairing)) };
}

afterEach(() => Promise.all(open.splice(0).map((each) => each.close())));

/** @param {Uint8Array} body @param {unknown} [result] @returns {Act} */
function done(body, result = RESULT) {
  return { body, headers: { 'Content-Type': 'image/jpeg', 'X-ErMask-Result': JSON.stringify(result) } };
}

/** @returns {Act} */
function accepted() {
  return { status: 202, json: { job: JOB, state: 'waiting' }, headers: { Location: WAIT } };
}

describe('protecting', () => {
  it('asks for a job, waits for it, and hands on the picture with what was done', async () => {
    const { daemon, link } = await play({
      '/v1/protect': accepted,
      [WAIT]: (_, count) => (count < 3 ? accepted() : done(OTHER_JPEG)),
    });
    const { photo, result } = await protect(link, PHOTO, WISH);
    assert.deepEqual(Buffer.from(await photo.arrayBuffer()), OTHER_JPEG);
    assert.equal(photo.type, 'image/jpeg');
    assert.deepEqual(result, RESULT);
    const asked = daemon.seen.filter(({ path }) => path !== '/v1/hello');
    assert.deepEqual(asked.map(({ path }) => path), ['/v1/protect', WAIT, WAIT, WAIT]);
    const [{ headers, body }] = asked;
    assert.deepEqual(body, JPEG);
    assert.equal(headers['x-ermask-circle'], encodeURIComponent(WISH.circle));
    assert.equal(headers['x-ermask-strength'], 'high');
    assert.equal(headers.prefer, 'respond-async');
  });

  /** @type {Record<string, Act>} */
  const lies = {
    'the photo itself': done(JPEG),
    'a photo in which no face was changed': done(OTHER_JPEG, { ...RESULT, changed: 0 }),
    'a photo without a word about it': { body: OTHER_JPEG },
    'a word that is no JSON': { body: OTHER_JPEG, headers: { 'X-ErMask-Result': 'fine' } },
    'more changed than found': done(OTHER_JPEG, { ...RESULT, changed: 2 }),
    'a count that is no number': done(OTHER_JPEG, { ...RESULT, changed: '1' }),
    'no faces': done(OTHER_JPEG, { found: 1, changed: 1 }),
    'something that is no picture': done(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')),
    'nothing': done(Buffer.alloc(0)),
    'JSON': { json: RESULT },
  };
  for (const [lie, answer] of Object.entries(lies)) {
    it(`does not take ${lie} for a protected photo`, async () => {
      const { link } = await play({ '/v1/protect': () => answer });
      await assert.rejects(protect(link, PHOTO, WISH), { code: 'internal' });
    });
  }

  it('passes on why the daemon refused', async () => {
    for (const [status, code] of /** @type {const} */ ([[422, 'no_face'], [409, 'already_protected']])) {
      const { link } = await play({ '/v1/protect': accepted, [WAIT]: () => problem(status, code) });
      await assert.rejects(protect(link, PHOTO, WISH), { code, detail: '' });
    }
    const { link } = await play({ '/v1/protect': () => problem(503, 'model_missing') });
    const refused = { code: 'model_missing', detail: 'about model_missing' };
    await assert.rejects(protect(link, PHOTO, WISH), refused);
  });

  it('takes a refusal in another form for what it is', async () => {
    const odd = [{ status: 500, body: 'oh' }, { status: 400, json: { code: 7 } }, { status: 400, json: {} }];
    for (const answer of odd) {
      const { link } = await play({ '/v1/protect': () => answer });
      await assert.rejects(protect(link, PHOTO, WISH), { code: 'internal' });
    }
  });

  it('sends the photo again when the queue was full', async () => {
    const full = problem(503, 'busy', { 'Retry-After': '0' });
    const { daemon, link } = await play({
      '/v1/protect': (_, count) => (count < 4 ? full : accepted()),
      [WAIT]: () => done(OTHER_JPEG),
    });
    await protect(link, PHOTO, WISH);
    assert.equal(daemon.paths.filter((path) => path === '/v1/protect').length, 4);
  });

  it('gives up on a queue that stays full', async () => {
    const { link } = await play({ '/v1/protect': () => problem(503, 'busy', { 'Retry-After': '0' }) });
    await assert.rejects(protect(link, PHOTO, WISH), { code: 'busy', retryAfter: 0 });
  });

  it('sends the photo again when the daemon has forgotten the job', async () => {
    const { daemon, link } = await play({
      '/v1/protect': accepted,
      [WAIT]: (_, count) => (count === 1 ? problem(404, 'not_found') : done(OTHER_JPEG)),
    });
    await protect(link, PHOTO, WISH);
    assert.equal(daemon.paths.filter((path) => path === '/v1/protect').length, 2);
  });

  it('ends at its limit when the daemon falls silent', async () => {
    const { link } = await play({ '/v1/protect': accepted, [WAIT]: () => 'hang' });
    await assert.rejects(protect(link, PHOTO, { ...WISH, limit: 300 }), { code: 'timeout' });
  });

  it('ends at its limit when the photo is never done', async () => {
    const { link } = await play({ '/v1/protect': accepted, [WAIT]: accepted });
    await assert.rejects(protect(link, PHOTO, { ...WISH, limit: 300 }), { code: 'timeout' });
  });

  it('ends when it is cancelled: on the way, in the queue, while it waits to try again', async () => {
    /** @type {Record<string, Play>[]} */
    const moments = [
      { '/v1/protect': () => 'hang' },
      { '/v1/protect': accepted, [WAIT]: () => 'hang' },
      { '/v1/protect': () => problem(503, 'busy', { 'Retry-After': '9' }) },
    ];
    for (const plays of moments) {
      const controller = new AbortController();
      const last = Object.keys(plays).at(-1) ?? '';
      const inner = plays[last];
      const { link } = await play({
        ...plays,
        [last]: (seen, count) => {
          setImmediate(() => controller.abort());
          return inner(seen, count);
        },
      });
      const { signal } = controller;
      await assert.rejects(protect(link, PHOTO, { ...WISH, signal }), { code: 'cancelled' });
    }
  });

  it('does not begin when it is cancelled already', async () => {
    const { daemon, link } = await play({ '/v1/protect': accepted });
    const signal = AbortSignal.abort();
    await assert.rejects(protect(link, PHOTO, { ...WISH, signal }), { code: 'cancelled' });
    assert.ok(!daemon.paths.includes('/v1/protect'));
  });

  it('refuses by itself what the daemon would not read', async () => {
    const { daemon, link } = await play({ '/v1/protect': accepted });
    const large = new Blob([new Uint8Array(40 * 2 ** 20 + 1)]);
    await assert.rejects(protect(link, large, WISH), { code: 'image_too_large' });
    assert.equal(daemon.seen.length, 0);
  });

  it('says so when the file behind the photo is gone', async () => {
    const { daemon, link } = await play({ '/v1/protect': accepted });
    const gone = new Blob([JPEG]);
    gone.arrayBuffer = () => Promise.reject(new DOMException('gone', 'NotReadableError'));
    await assert.rejects(protect(link, gone, WISH), { code: 'picture_gone' });
    assert.equal(daemon.seen.length, 0);
  });
});

describe('restoring and inspecting', () => {
  it('restores with the circle that fits, or with the one that is named, or by force', async () => {
    const { daemon, link } = await play({ '/v1/restore': () => done(OTHER_JPEG) });
    await restore(link, PHOTO);
    await restore(link, PHOTO, { circle: 'Ä', force: true });
    const asked = daemon.seen.filter(({ path }) => path === '/v1/restore');
    const [plain, forced] = asked.map(({ headers }) => headers);
    assert.equal(plain['x-ermask-circle'], undefined);
    assert.equal(plain['x-ermask-force'], undefined);
    assert.equal(forced['x-ermask-circle'], '%C3%84');
    assert.equal(forced['x-ermask-force'], '1');
  });

  it('does not take a photo that is as it was for a restored one', async () => {
    const { link } = await play({ '/v1/restore': () => done(JPEG) });
    await assert.rejects(restore(link, PHOTO), { code: 'internal' });
  });

  it('inspects', async () => {
    const seen = { ...RESULT, changed: 0 };
    const { link } = await play({ '/v1/inspect': accepted, [WAIT]: () => ({ json: seen }) });
    assert.deepEqual(await inspect(link, PHOTO), seen);
    const { link: odd } = await play({ '/v1/inspect': () => ({ json: [] }) });
    await assert.rejects(inspect(odd, PHOTO), { code: 'internal' });
  });
});
