// @ts-check
/** The way to the daemon against the real one with its real networks: what the browsers run, in Node. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';

import { importKey, newCircle } from '../../extension/background/circle_work.js';
import { DaemonWatch } from '../../extension/background/daemon_watch.js';
import { Link } from '../../extension/background/link.js';
import { pair } from '../../extension/background/pairing.js';
import { inspect, protect, restore } from '../../extension/background/photo_work.js';
import { Machine } from './harness/machine.js';
import { Photos } from './harness/photos.js';
import { missing } from './harness/requirements.js';
import { ActedDaemon, hello } from './link/acted_daemon.js';
import { memoryStore } from './link/memory_store.js';
import './link/stub_chrome.js';

/** @typedef {import('../../extension/background/pairing.js').Pairing} Pairing */

const LABEL = 'Tests 👪';

/** Tells when a photo has been taken by the daemon. */
class WatchedLink extends Link {
  onTaken = () => {};

  /** @override @type {Link['call']} */
  async call(path, content) {
    const reply = await super.call(path, content);
    if (path === '/v1/protect') this.onTaken();
    return reply;
  }
}

/** @param {Blob} photo */
async function bytes(photo) {
  return Buffer.from(await photo.arrayBuffer());
}

describe('the real daemon', { skip: missing() }, () => {
  /** @type {Machine} */
  let machine;
  /** @type {Photos} */
  let photos;
  /** @type {Pairing} */
  let pairing;
  /** @type {string} the id of the circle Family */
  let family;

  /** @param {string} code */
  const offer = (code) => ({ code, port: machine.port, origin: '', label: LABEL });
  const newLink = () => new WatchedLink(memoryStore(pairing));
  const newPhoto = async (options = {}) => {
    const { bytes: made } = await photos.make(options);
    return new Blob([new Uint8Array(made)]);
  };
  const clients = async () => (await machine.daemon('clients', 'list')).trim().split('\n').filter(Boolean);

  before(async () => {
    [machine, photos] = await Promise.all([Machine.start(), Photos.open()]);
    const { code, done } = await machine.openPairing();
    pairing = await pair(offer(code.toLowerCase().replace('-', ' ')));
    await done;
    [{ id: family }] = await newLink().json('/v1/keys');
  });
  after(() => Promise.all([machine?.close(), photos?.close()]));
  afterEach(() => machine.recover());

  it('was paired, under the label it was given', async () => {
    assert.match((await clients())[0], new RegExp(`^${pairing.client} .*\\(a program\\) +${LABEL}$`, 'u'));
    assert.equal(pairing.port, machine.port);
  });

  it('refuses a wrong code, and any code once the window is closed', async () => {
    const { code, done } = await machine.openPairing();
    const wrong = code.replace(/^./, (first) => (first === 'Z' ? 'Y' : 'Z'));
    await assert.rejects(pair(offer(wrong)), { code: 'pairing_failed' });
    const other = await pair(offer(code));
    assert.notEqual(other.token, pairing.token);
    await done;
    await assert.rejects(pair(offer(code)), { code: 'unauthorized' });
    await machine.daemon('clients', 'revoke', other.client);
    // it says nothing that would tell a revoked client from a stranger
    await assert.rejects(new Link(memoryStore(other)).call('/v1/status'), { code: 'wrong_daemon' });
  });

  it('does not take the proof of another port, origin or label', async () => {
    const relay = await ActedDaemon.start({
      '/v1/pair/begin': ({ path, body }) => passOn(path, body),
      '/v1/pair/finish': ({ path, body }) => passOn(path, body),
    });
    /** @param {string} path @param {Buffer} body */
    const passOn = async (path, body) => {
      const headers = { 'X-ErMask': '1' };
      const url = `http://127.0.0.1:${machine.port}${path}`;
      const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
      return {
        status: response.status,
        headers: { 'Content-Type': response.headers.get('Content-Type') ?? '' },
        body: Buffer.from(await response.arrayBuffer()),
      };
    };
    const { code, done } = await machine.openPairing();
    const failed = assert.rejects(done);
    await assert.rejects(pair({ ...offer(code), port: relay.port }), { code: 'pairing_failed' });
    const elsewhere = { ...offer(code), origin: 'moz-extension://other' };
    await assert.rejects(pair(elsewhere), { code: 'pairing_failed' });
    await assert.rejects(pair(offer('ZZZZ-ZZZZ')), { code: 'pairing_failed' });
    await assert.rejects(pair(offer(code)), { code: 'unauthorized' }, 'three wrong ones close the window');
    await failed;
    await relay.close();
    assert.equal((await clients()).length, 1);
  });

  it('protects, inspects and restores', async () => {
    const link = newLink();
    const photo = await newPhoto();
    const { photo: safe, result } = await protect(link, photo, { circle: family, strength: 'mid' });
    assert.equal(safe.type, 'image/jpeg');
    assert.equal(result.found, 1);
    assert.equal(result.changed, 1);
    assert.equal(result.faces[0].changed, true);
    assert.deepEqual((await photos.inspect(await bytes(safe), machine)).circle, 'Family');

    const seen = await inspect(link, safe);
    assert.equal(seen.changed, 0);
    const [match] = seen.matches;
    assert.deepEqual([match.label, match.fits, match.strength], ['Family', true, 'mid']);

    const { photo: back, result: done } = await restore(link, safe);
    assert.equal(done.matches[0].circle_id, family);
    const apart = async (/** @type {Blob} */ one) =>
      (await photos.compare(await bytes(one), await bytes(photo))).mean;
    assert.ok((await apart(back)) < (await apart(safe)), 'restored is nearer to the original');
  });

  it('takes the circle’s label, and each strength and type', async () => {
    const types = /** @type {const} */ ([['low', 'png'], ['high', 'webp']]);
    for (const [strength, kind] of types) {
      const wish = { circle: 'Family', strength };
      const { photo, result } = await protect(newLink(), await newPhoto({ kind }), wish);
      assert.equal(photo.type, `image/${kind}`);
      assert.equal(result.changed, 1);
    }
  });

  it('says why a photo was not changed', async () => {
    const link = newLink();
    const wish = /** @type {const} */ ({ circle: family, strength: 'mid' });
    await assert.rejects(protect(link, await newPhoto({ face: false }), wish), { code: 'no_face' });
    await assert.rejects(protect(link, new Blob(['words']), wish), { code: 'bad_image' });
    await assert.rejects(protect(link, new Blob([]), wish), { code: 'bad_image' });
    const nobody = { ...wish, circle: 'Nobody' };
    await assert.rejects(protect(link, await newPhoto(), nobody), { code: 'unknown_circle' });
    await assert.rejects(restore(link, await newPhoto()), { code: 'wrong_key' });
    const { photo } = await protect(link, await newPhoto(), wish);
    await assert.rejects(protect(link, photo, wish), { code: 'already_protected' });
  });

  it('makes circles, and takes over keys as text, as a file and as a picture', async () => {
    const link = newLink();
    const made = await newCircle(link, 'Freunde & Familie 👪');
    assert.equal(made.label, 'Freunde & Familie 👪');
    await assert.rejects(newCircle(link, made.label), { code: 'circle_exists' });
    await assert.rejects(newCircle(link, ''), { code: 'bad_label' });

    const elsewhere = new Machine(await mkdtemp(join(machine.home, 'elsewhere-')), 0);
    for (const circle of ['Text', 'File', 'Code']) await elsewhere.ermask('keys', 'new', circle);
    const text = (await elsewhere.ermask('keys', 'export', '--text', 'Text')).trim();
    const taken = await importKey(link, { label: 'By text', text });
    assert.equal(taken.label, 'By text');
    const exists = { code: 'circle_exists', detail: /By text/ };
    await assert.rejects(importKey(link, { label: 'Again', text }), exists);

    const at = (/** @type {string} */ name) => join(machine.home, name);
    await writeFile(at('passphrase'), 'correct horse\n');
    const sealed = ['--output', at('key'), '--passphrase-file', at('passphrase')];
    await elsewhere.ermask('keys', 'export', 'File', ...sealed);
    const shared = { label: '', file: new Blob([await readFile(at('key'))]) };
    await assert.rejects(importKey(link, { ...shared, passphrase: 'wrong' }), { code: 'bad_key' });
    assert.equal((await importKey(link, { ...shared, passphrase: 'correct horse' })).label, 'File');

    await elsewhere.ermask('keys', 'show-code', 'Code', '--output', at('code.png'));
    const code = new Blob([await readFile(at('code.png'))]);
    assert.equal((await importKey(link, { label: 'Mit Bild 👪', file: code })).label, 'Mit Bild 👪');

    for (const bad of ['ermask-key-1nonsense', 'x'.repeat(20_000)]) {
      const file = new Blob([bad]);
      await assert.rejects(importKey(link, { label: 'Bad', text: bad }), { code: 'bad_key' });
      await assert.rejects(importKey(link, { label: 'Bad', file, passphrase: 'x' }), { code: 'bad_key' });
    }
    await assert.rejects(importKey(link, { label: 'Bad', file: await newPhoto() }), { code: 'no_code' });
    /** @type {{label: string}[]} */
    const circles = await newLink().json('/v1/keys');
    const labels = circles.map(({ label }) => label);
    assert.deepEqual(labels, ['Family', made.label, 'By text', 'File', 'Mit Bild 👪']);
  });

  it('is killed in the middle of a photo and started again: the photo is protected', async () => {
    const link = newLink();
    const photo = await newPhoto();
    const taken = new Promise((resolve) => {
      link.onTaken = () => {
        link.onTaken = () => {};
        machine.suspend();
        resolve(undefined);
      };
    });
    const work = protect(link, photo, { circle: family, strength: 'mid' });
    await taken;
    await machine.kill();
    await machine.startDaemon();
    assert.equal((await work).result.changed, 1);
  });

  it('hangs: the photo is given up in time, and works when it is sent again', async () => {
    const link = newLink();
    const photo = await newPhoto();
    const wish = /** @type {const} */ ({ circle: family, strength: 'mid' });
    link.onTaken = () => machine.suspend();
    await assert.rejects(protect(link, photo, { ...wish, limit: 3000 }), { code: 'timeout' });
    machine.resume();
    link.onTaken = () => {};
    assert.equal((await protect(link, photo, wish)).result.changed, 1);
  });

  it('is asked to stop by the user: the photo is given up at once', async () => {
    const link = newLink();
    const controller = new AbortController();
    link.onTaken = () => {
      machine.suspend();
      controller.abort();
    };
    const wish = /** @type {const} */ ({ circle: family, strength: 'mid', signal: controller.signal });
    await assert.rejects(protect(link, await newPhoto(), wish), { code: 'cancelled' });
  });

  it('ends, and a squatter takes its port: it learns neither token nor photo', async () => {
    const link = newLink();
    const watch = new DaemonWatch(link);
    const photo = await newPhoto();
    const wish = /** @type {const} */ ({ circle: family, strength: 'mid' });
    await protect(link, photo, wish);
    await machine.kill();
    await assert.rejects(protect(link, photo, wish), { code: 'daemon_down' });
    const squatter = await ActedDaemon.start({ '/v1/hello': hello() }, { port: machine.port });
    try {
      await assert.rejects(protect(link, photo, wish), { code: 'wrong_daemon' });
      assert.equal((await watch.sight()).daemon.state, 'wrong_daemon');
      assert.ok(!squatter.everything.includes(pairing.token));
      assert.ok(!squatter.everything.includes(Buffer.from(pairing.token, 'base64url')));
      assert.ok(!squatter.everything.includes((await bytes(photo)).subarray(0, 64)));
      assert.deepEqual([...new Set(squatter.paths)], ['/v1/hello']);
    } finally {
      await squatter.close();
    }
    await machine.startDaemon();
    assert.equal((await watch.again()).daemon.state, 'ready');
  });

  it('keeps no token in its log', async () => {
    const log = (await machine.log()).join('\n');
    assert.match(log, /protect/);
    assert.ok(!log.includes(pairing.token));
  });
});
