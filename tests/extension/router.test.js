// @ts-check
/** Who may ask the background what, and what comes back when something goes wrong. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Failure } from '../../extension/background/failure.js';
import { router } from '../../extension/background/router.js';
import { ORIGIN } from './link/stub_chrome.js';

const ID = 'ermask@ermask.invalid';
const OTHER = 'moz-extension://00000000-0000-4000-8000-000000000000';
const PAGE = { id: ID, url: `${ORIGIN}/extension/popup/popup.html`, origin: ORIGIN };
const SITE = 'https://example.org';
const FRAME = { id: ID, url: `${SITE}/`, origin: SITE, tab: { id: 1 }, frameId: 0 };

const handlers = {
  policy: () => ({ active: true }),
  protect: () => 'protected',
  cancel: () => undefined,
  outcome: () => null,
  open: () => null,
  unseen: () => ({ shown: true }),
  pair: () => 'paired',
  restore: () => 'restored',
  'set-settings': () => 'set',
  fails: () => Promise.reject(new Failure('no_face', { detail: 'none', retryAfter: 3 })),
  breaks: () => {
    throw new TypeError('oh');
  },
  ends: () => Promise.reject(new Error('No SW')),
};

/**
 * @param {unknown} message
 * @param {any} [sender]
 * @returns {Promise<{answer: any, problems: string[]}>}
 */
function ask(message, sender = PAGE) {
  /** @type {string[]} */
  const problems = [];
  const listener = router([handlers], (type, code) => problems.push(`${type} ${code}`));
  return new Promise((resolve) => {
    const follows = listener(message, sender, (answer) => setImmediate(() => resolve({ answer, problems })));
    assert.equal(follows, true);
  });
}

describe('the router', () => {
  it('hands requests to their handlers', async () => {
    const { answer, problems } = await ask({ type: 'pair' });
    assert.deepEqual(answer, { ok: true, value: 'paired' });
    assert.deepEqual(problems, []);
    assert.deepEqual((await ask({ type: 'cancel' })).answer, { ok: true, value: null });
  });

  it('lets frames ask what frames need', async () => {
    for (const type of ['policy', 'protect', 'cancel', 'outcome', 'open', 'unseen']) {
      assert.equal((await ask({ type }, FRAME)).answer.ok, true, type);
    }
  });

  const strangers = {
    'a frame': FRAME,
    'a frame without an origin': { ...FRAME, origin: undefined },
    'a frame of a site that is called like us': { ...FRAME, url: 'https://example.org/moz-extension://' },
    'a frame of another extension': { ...FRAME, url: `${OTHER}/popup.html`, origin: OTHER },
    'a page whose address and origin do not fit': { ...PAGE, origin: 'https://example.org' },
    'a sandboxed frame': { ...PAGE, origin: 'null' },
    'somebody without an address': { id: ID },
    'another extension': { ...PAGE, id: 'other' },
  };
  for (const [name, sender] of Object.entries(strangers)) {
    it(`refuses what only our pages may ask, from ${name}`, async () => {
      for (const type of ['pair', 'restore', 'set-settings']) {
        const { answer } = await ask({ type }, sender);
        assert.equal(answer.problem?.code, 'forbidden', type);
      }
    });
  }

  it('refuses everything from another extension', async () => {
    assert.equal((await ask({ type: 'policy' }, { ...FRAME, id: 'other' })).answer.problem.code, 'forbidden');
  });

  it('refuses what is no request', async () => {
    const odd = [null, undefined, 'pair', 7, {}, { type: 7 }, { type: 'toString' }, { type: 'nothing' }];
    for (const message of odd) {
      assert.equal((await ask(message)).answer.problem.code, 'bad_request');
    }
  });

  it('turns a failure into a problem for people, and notes it', async () => {
    const { answer, problems } = await ask({ type: 'fails' });
    assert.deepEqual(answer, {
      ok: false,
      problem: {
        code: 'no_face',
        title: chrome.i18n.getMessage('problem_no_face'),
        detail: 'none',
        hint: chrome.i18n.getMessage('problem_no_face_hint'),
        retryAfter: 3,
      },
    });
    assert.deepEqual(problems, ['fails no_face']);
  });

  it('turns a mistake of ours into internal', async (t) => {
    const logged = t.mock.method(console, 'error', () => undefined);
    const { answer, problems } = await ask({ type: 'breaks' });
    assert.equal(answer.problem.code, 'internal');
    assert.equal(answer.problem.detail, 'oh');
    assert.deepEqual(problems, ['breaks internal']);
    assert.equal(logged.mock.callCount(), 1);
  });

  it('says nothing once Chromium has ended its worker', async () => {
    /** @type {unknown[]} */
    const answered = [];
    const listener = router([handlers], (type, code) => answered.push(`${type} ${code}`));
    listener({ type: 'ends' }, PAGE, (answer) => answered.push(answer));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(answered, []);
  });

  it('has a title for codes that it does not know', () => {
    assert.equal(new Failure('from_the_future').problem().title, chrome.i18n.getMessage('problem_internal'));
  });

  it('has one handler for each type', () => {
    assert.throws(() => router([{ policy: () => null }, { policy: () => null }], () => undefined), TypeError);
  });
});
