// @ts-check
/** Who gets the token and the photos: the daemon that has just proved itself, and nobody else. */

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';

import { newCircle } from '../../extension/background/circle_work.js';
import { Link } from '../../extension/background/link.js';
import { pair } from '../../extension/background/pairing.js';
import { protect } from '../../extension/background/photo_work.js';
import { ActedDaemon, TOKEN, base64url, hello, problem } from './link/acted_daemon.js';
import { memoryStore } from './link/memory_store.js';
import { permitted } from './link/stub_chrome.js';

/** @typedef {import('./link/acted_daemon.js').Play} Play */

const SECRET = 'the photo that nobody may see';
const PHOTO = new Blob([SECRET]);
const WISH = /** @type {const} */ ({ circle: '0123456789abcdef', strength: 'mid' });

/** @type {ActedDaemon[]} */
const open = [];

/** @param {Record<string, Play>} plays @param {{port?: number}} [options] */
async function acted(plays, options) {
  const daemon = await ActedDaemon.start(plays, options);
  open.push(daemon);
  return daemon;
}

/** @param {ActedDaemon} daemon */
function linkTo(daemon) {
  return new Link(memoryStore(daemon.pairing));
}

/** @param {ActedDaemon} daemon */
function assertToldNothing(daemon) {
  assert.ok(daemon.seen.length > 0, 'it was asked at all');
  assert.ok(!daemon.everything.includes(SECRET), 'the photo');
  assert.ok(!daemon.everything.includes(base64url(TOKEN)), 'the token');
  assert.ok(daemon.seen.every(({ headers }) => headers.authorization === undefined));
}

afterEach(async () => {
  permitted.origins = true;
  await Promise.all(open.splice(0).map((each) => each.close()));
});

const HELLO = hello();
const status = () => ({ json: { version: '0.1.0' } });

describe('a program that has taken the port', () => {
  /** @type {Record<string, Play>} */
  const tricks = {
    'proves itself with another token': hello({ token: Buffer.alloc(32, 8) }),
    'passes on the proof of the daemon on another port': hello({ port: 7411 }),
    'says no proof': () => ({ json: { nonce: base64url(Buffer.alloc(32)) } }),
    'says an empty proof': () => ({ json: { nonce: base64url(Buffer.alloc(32)), proof: '' } }),
    'says a proof that is no text': () => ({ json: { nonce: base64url(Buffer.alloc(32)), proof: [1] } }),
    'says a short nonce': () => ({ json: { nonce: 'AAAA', proof: base64url(Buffer.alloc(32)) } }),
    'says nothing': () => ({}),
    'says null': () => ({ json: null }),
    'says something else': () => ({ body: '<!doctype html><title>Hello</title>' }),
    'says too much': () => ({ json: 'x'.repeat(2 ** 21) }),
    'does not know hello': () => ({ status: 404, body: 'not found' }),
    'says yes with nothing': () => ({ status: 204 }),
    'sends us elsewhere': () => ({ status: 307, headers: { Location: 'http://127.0.0.1:1/v1/hello' } }),
  };
  for (const [trick, play] of Object.entries(tricks)) {
    it(`and ${trick} gets neither photo nor token`, async () => {
      const squatter = await acted({ '/v1/hello': play });
      await assert.rejects(protect(linkTo(squatter), PHOTO, WISH), { code: 'wrong_daemon' });
      assertToldNothing(squatter);
    });
  }

  it('and repeats an old proof gets neither', async () => {
    const daemon = await acted({ '/v1/hello': HELLO, '/v1/status': status });
    const { port } = daemon;
    await linkTo(daemon).call('/v1/status');
    const answer = await HELLO(daemon.seen[0], 1);
    await daemon.close();
    const squatter = await acted({ '/v1/hello': () => answer }, { port });
    await assert.rejects(protect(linkTo(squatter), PHOTO, WISH), { code: 'wrong_daemon' });
    assertToldNothing(squatter);
  });

  it('and cuts the connection, or does not answer, gets neither', async () => {
    const cutting = await acted({ '/v1/hello': () => 'break' });
    await assert.rejects(protect(linkTo(cutting), PHOTO, WISH), { code: 'daemon_down' });
    assertToldNothing(cutting);
    const silent = await acted({ '/v1/hello': () => 'hang' });
    await assert.rejects(protect(linkTo(silent), PHOTO, { ...WISH, limit: 500 }), { code: 'timeout' });
    assertToldNothing(silent);
  });

  it('while we were talking to the daemon gets neither', async () => {
    const daemon = await acted({ '/v1/hello': HELLO, '/v1/status': status, '/v1/keys': () => 'break' });
    const { port } = daemon;
    const link = linkTo(daemon);
    await link.call('/v1/status');
    await assert.rejects(link.call('/v1/keys'), { code: 'daemon_down' });
    await daemon.close();
    const other = hello({ token: Buffer.alloc(32) });
    const squatter = await acted({ '/v1/hello': other, '/v1/status': status }, { port });
    await assert.rejects(protect(link, PHOTO, WISH), { code: 'wrong_daemon' });
    assertToldNothing(squatter);
  });

  it('between two requests of ours, neither of which fails, gets neither', async () => {
    const daemon = await acted({ '/v1/hello': HELLO, '/v1/status': status });
    const { port } = daemon;
    const link = linkTo(daemon);
    await link.call('/v1/status');
    await daemon.close();
    const other = hello({ token: Buffer.alloc(32) });
    const squatter = await acted({ '/v1/hello': other, '/v1/status': status }, { port });
    await assert.rejects(protect(link, PHOTO, WISH), { code: 'wrong_daemon' });
    assertToldNothing(squatter);
  });
});

describe('the daemon', () => {
  it('is greeted each time before it is told the token', async () => {
    const daemon = await acted({ '/v1/hello': HELLO, '/v1/status': status });
    const link = linkTo(daemon);
    await link.call('/v1/status');
    await link.call('/v1/status');
    assert.deepEqual(daemon.paths, ['/v1/hello', '/v1/status', '/v1/hello', '/v1/status']);
    const nonces = new Set();
    for (const { path, headers, body } of daemon.seen) {
      assert.equal(headers.authorization, path === '/v1/hello' ? undefined : `Bearer ${base64url(TOKEN)}`);
      if (path === '/v1/hello') nonces.add(JSON.parse(body.toString()).nonce);
    }
    assert.equal(nonces.size, 2, 'with a new nonce');
  });

  it('is greeted once more over a new connection when an old one turns out to be closed', async () => {
    const daemon = await acted({
      '/v1/hello': (seen, count) => (count === 2 ? 'break' : HELLO(seen, count)),
      '/v1/status': status,
    });
    const link = linkTo(daemon);
    await link.call('/v1/status');
    await link.call('/v1/status');
    assert.deepEqual(daemon.paths.slice(2), ['/v1/hello', '/v1/hello', '/v1/status']);
  });

  it('is not asked twice for what may be done once', async () => {
    const daemon = await acted({ '/v1/hello': HELLO, '/v1/keys/new': () => 'break' });
    await assert.rejects(newCircle(linkTo(daemon), 'Family'), { code: 'daemon_down' });
    assert.equal(daemon.paths.filter((path) => path === '/v1/keys/new').length, 1);
  });

  it('gets requests that no page could send', async () => {
    const daemon = await acted({ '/v1/hello': HELLO, '/v1/status': status });
    await linkTo(daemon).call('/v1/status');
    for (const { headers } of daemon.seen) {
      assert.equal(headers['x-ermask'], '1');
      assert.equal(headers.host, `127.0.0.1:${daemon.port}`);
      assert.equal(headers.cookie, undefined);
      assert.equal(headers.referer, undefined);
    }
  });

  it('that does not know this browser any more is not_paired', async () => {
    const daemon = await acted({ '/v1/hello': HELLO, '/v1/status': () => problem(401, 'unauthorized') });
    await assert.rejects(linkTo(daemon).call('/v1/status'), { code: 'not_paired' });
  });

  it('of another version is daemon_too_old', async () => {
    const later = await acted({ '/v1/hello': () => problem(401, 'unauthorized') });
    await assert.rejects(linkTo(later).call('/v1/status'), { code: 'daemon_too_old' });
    const earlier = await acted({ '/v1/hello': HELLO });
    await assert.rejects(linkTo(earlier).call('/v1/keys/new'), { code: 'daemon_too_old' });
  });

  it('is not asked at all without a pairing', async () => {
    await assert.rejects(new Link(memoryStore()).call('/v1/status'), { code: 'not_paired' });
    const daemon = await acted({ '/v1/hello': HELLO, '/v1/status': status });
    const link = linkTo(daemon);
    await link.call('/v1/status');
    await link.forget();
    await assert.rejects(link.call('/v1/status'), { code: 'not_paired' });
  });

  it('that the browser lets nobody reach is no_access', async () => {
    const daemon = await acted({ '/v1/hello': () => 'break' });
    permitted.origins = false;
    const wanted = { code: 'no_access', detail: 'http://127.0.0.1/*' };
    await assert.rejects(linkTo(daemon).call('/v1/status'), wanted);
  });
});

describe('pairing with a program that does not know the code', () => {
  const begin = () => ({ json: { nonce: base64url(Buffer.alloc(32, 1)) } });
  const made = {
    client: '0123456789abcdef',
    proof: base64url(Buffer.alloc(32)),
    iv: base64url(Buffer.alloc(12)),
    token: base64url(Buffer.alloc(48)),
  };
  /** @type {Record<string, Record<string, Play>>} */
  const programs = {
    'a wrong proof': { '/v1/pair/begin': begin, '/v1/pair/finish': () => ({ json: made }) },
    'half an answer': { '/v1/pair/begin': begin, '/v1/pair/finish': () => ({ json: { client: 'x' } }) },
    'no nonce': { '/v1/pair/begin': () => ({ json: {} }) },
    'something else': { '/v1/pair/begin': () => ({ body: 'hello' }) },
    'an error that is no daemon’s': { '/v1/pair/begin': () => ({ status: 500, body: 'oh' }) },
    'a redirect': { '/v1/pair/begin': () => ({ status: 302, headers: { Location: '/' } }) },
  };
  for (const [answer, plays] of Object.entries(programs)) {
    it(`${answer}: nothing is taken from it`, async () => {
      const squatter = await acted(plays);
      const offer = { code: '7K3P-Q9XD', port: squatter.port, origin: '', label: 'Tests' };
      await assert.rejects(pair(offer), { code: 'wrong_daemon' });
      assert.ok(!squatter.everything.includes('7K3P'), 'the code is never sent');
    });
  }

  it('a code that cannot be one is not tried', async () => {
    const squatter = await acted({});
    for (const code of ['', '7K3P', '7K3P-Q9X', 'UUUU-UUUU']) {
      const offer = { code, port: squatter.port, origin: '', label: 'Tests' };
      await assert.rejects(pair(offer), { code: 'pairing_failed' });
    }
    assert.equal(squatter.seen.length, 0);
  });
});
