// @ts-check
/** What the extension says about the daemon: its state, the circles, and when they change. */

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';

import { DaemonWatch } from '../../extension/background/daemon_watch.js';
import { Link } from '../../extension/background/link.js';
import { ActedDaemon, hello, problem } from './link/acted_daemon.js';
import { memoryStore } from './link/memory_store.js';
import './link/stub_chrome.js';

/** @typedef {import('./link/acted_daemon.js').Play} Play */

const STATUS = { version: '0.1.0', contract: 1 };
const CIRCLE = { id: '0123456789abcdef', label: 'Family', created: '2026-01-31T12:00:00Z', fingerprint: '1' };

/** @param {string} keys  as the daemon's status has them @returns {Play} */
const withKeys = (keys) => () => ({ json: { ...STATUS, keys } });

/** @type {ActedDaemon[]} */
const open = [];

/** @param {Record<string, Play>} plays */
async function watched(plays) {
  const daemon = await ActedDaemon.start({
    '/v1/hello': hello(),
    '/v1/status': () => ({ json: STATUS }),
    '/v1/keys': () => ({ json: [CIRCLE] }),
    ...plays,
  });
  open.push(daemon);
  return { daemon, watch: new DaemonWatch(new Link(memoryStore(daemon.pairing))) };
}

afterEach(() => Promise.all(open.splice(0).map((each) => each.close())));

describe('the daemon', () => {
  it('is ready', async () => {
    const { daemon, watch } = await watched({});
    const { daemon: seen, circles } = await watch.sight();
    const { port, label, pairedAt } = daemon.pairing;
    assert.deepEqual(seen, { state: 'ready', problem: null, port, label, pairedAt, status: STATUS });
    assert.deepEqual(circles, [CIRCLE]);
  });

  it('is not paired', async () => {
    const { daemon: seen, circles } = await new DaemonWatch(new Link(memoryStore())).sight();
    assert.equal(seen.state, 'not_paired');
    assert.equal(seen.problem?.code, 'not_paired');
    assert.equal(seen.port, 7411);
    assert.equal(circles, null);
  });

  it('is down', async () => {
    const { daemon, watch } = await watched({});
    const { port } = daemon;
    await daemon.close();
    const { daemon: seen } = await watch.sight();
    assert.equal(seen.state, 'daemon_down');
    assert.equal(seen.port, port);
  });

  /** @type {[string, Record<string, Play>, string, string][]} */
  const troubles = [
    ['has no circle', { '/v1/keys': () => ({ json: [] }) }, 'no_circle', 'no_circle'],
    ['is locked', { '/v1/keys': () => problem(503, 'key_store_locked') }, 'locked', 'key_store_locked'],
    ['lacks the passphrase', { '/v1/status': withKeys('key_store_locked') }, 'locked', 'key_store_locked'],
    ['has damaged keys', { '/v1/status': withKeys('key_store_corrupt') }, 'locked', 'key_store_corrupt'],
    ['is damaged', { '/v1/keys': () => problem(500, 'key_store_corrupt') }, 'locked', 'key_store_corrupt'],
    ['is another', { '/v1/hello': hello({ token: Buffer.alloc(32) }) }, 'wrong_daemon', 'wrong_daemon'],
    ['has forgotten us', { '/v1/status': () => problem(401, 'unauthorized') }, 'not_paired', 'not_paired'],
    ['is old', { '/v1/hello': () => problem(401, 'unauthorized') }, 'daemon_down', 'daemon_too_old'],
    ['is broken', { '/v1/status': () => problem(500, 'internal') }, 'daemon_down', 'internal'],
  ];
  for (const [name, plays, state, code] of troubles) {
    it(name, async () => {
      const { watch } = await watched(plays);
      const { daemon: seen, failure } = await watch.sight();
      assert.equal(seen.state, state);
      assert.equal(seen.problem?.code, code);
      assert.ok(seen.problem?.title);
      assert.ok(failure instanceof Error);
    });
  }

  it('is ready once its keys are open, and tells its circles also while they are locked', async () => {
    let keys = 'key_store_locked';
    const { watch } = await watched({ '/v1/status': () => ({ json: { ...STATUS, keys } }) });
    /** @type {string[]} */
    const told = [];
    watch.onChange(({ state }) => told.push(state));
    const { circles } = await watch.sight();
    assert.deepEqual(circles, [CIRCLE]);
    keys = 'open';
    await watch.again();
    assert.deepEqual(told, ['locked', 'ready']);
  });

  it('is asked once for many who want to know at once, and anew when something has happened', async () => {
    const { daemon, watch } = await watched({});
    await Promise.all([watch.sight(), watch.sight(), watch.sight()]);
    await watch.sight();
    const asked = () => daemon.paths.filter((path) => path === '/v1/status').length;
    assert.equal(asked(), 1);
    await watch.again();
    assert.equal(asked(), 2);
  });

  it('is asked anew after a while', async (t) => {
    const { daemon, watch } = await watched({});
    await watch.sight();
    const later = Date.now() + 60_000;
    t.mock.method(Date, 'now', () => later);
    await watch.sight();
    assert.equal(daemon.paths.filter((path) => path === '/v1/status').length, 2);
  });

  it('tells of changes of its state and of the circles, and of nothing else', async () => {
    /** @type {any[]} */
    let circles = [CIRCLE];
    let uptime = 0;
    const { daemon, watch } = await watched({
      '/v1/status': () => ({ json: { ...STATUS, uptime_s: (uptime += 1) } }),
      '/v1/keys': () => ({ json: circles }),
    });
    /** @type {string[]} */
    const told = [];
    watch.onChange(({ state }) => told.push(state));
    await watch.sight();
    await watch.again();
    assert.deepEqual(told, ['ready']);
    circles = [CIRCLE, { ...CIRCLE, id: 'fedcba9876543210', label: 'Friends' }];
    await watch.again();
    assert.deepEqual(told, ['ready', 'ready']);
    circles = [];
    await watch.again();
    await daemon.close();
    await watch.again();
    assert.deepEqual(told, ['ready', 'ready', 'no_circle', 'daemon_down']);
    assert.equal(watch.lastState, 'daemon_down');
  });
});
