// @ts-check
/** The state machine of an acquisition: what reaches the page, when, and what never does. */

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { load } from './content/scripts.js';

const RESULT = { found: 1, changed: 1, faces: [], matches: [], ms: {}, provider: '' };
const POLICY = {
  active: true, mode: 'always', circle: 'c', circleLabel: 'Family', strength: 'mid', noFace: 'pass', strict: 'off',
};

/** @param {string} name @param {string} [text] after the first bytes of a JPEG */
const jpeg = (name, text = '') =>
  new File([Buffer.from('\xff\xd8\xff', 'latin1'), text], name, { type: 'image/jpeg', lastModified: 7 });

/** A frame without a page: what is asked of the background is answered by `answer`. */
class Frame {
  policy = /** @type {any} */ ({ ...POLICY });
  /** @type {any[]} */ asked = [];
  /** @type {string[]} */ phases = [];
  /** @type {any} */ given = null;
  /** @type {any} */ strings = null;
  cancelled = 0;
  running = 0;
  most = 0;
  /** @type {any} */ last = null;
  gone = false;

  constructor() {
    const problem = (/** @type {string} */ code) => ({ code, title: code, detail: '', hint: null });
    const courier = {
      connected: () => true,
      problem,
      ask: async (/** @type {any} */ request) => {
        this.asked.push(request);
        if (request.type !== 'protect') return { ok: true, value: null };
        this.running += 1;
        this.most = Math.max(this.most, this.running);
        await new Promise((resolve) => { setTimeout(resolve); });
        const answer = await this.answer(request);
        this.running -= 1;
        return typeof answer === 'string' ? { ok: false, problem: problem(answer) } : { ok: true, value: answer };
      },
    };
    const policies = {
      known: async () => (this.policy ? null : problem('timeout')),
      now: () => this.policy,
    };
    this.acquisitions = load(['pictures', 'flavours', 'acquisitions'], { courier, policies })('acquisitions');
    this.acquisitions.onChange((/** @type {any} */ acquisition) => {
      this.last = acquisition;
      if (this.phases.at(-1) !== acquisition.phase) this.phases.push(acquisition.phase);
    });
  }

  /** @type {(request: any) => any} */
  answer = async ({ photo }) => ({ photo: new Blob([await photo.slice(0, 3).arrayBuffer(), 'safe']), result: RESULT });

  /** @param {File[]} files @param {[string, string][]} [strings] */
  begin(files, strings = []) {
    return this.acquisitions.begin({
      files,
      strings,
      deliver: async (/** @type {any} */ given, /** @type {any} */ texts) => {
        this.given = given;
        this.strings = texts;
        return this.gone ? 'gone' : 'given';
      },
      cancel: async () => { this.cancelled += 1; },
    });
  }

  /** @param {string} phase */
  async until(phase) {
    for (let i = 0; i < 500 && this.last?.phase !== phase; i += 1) await new Promise((resolve) => { setTimeout(resolve); });
    assert.equal(this.last?.phase, phase);
  }

  /** @param {string} action @param {number | null} [index] */
  press(action, index = null) {
    return this.acquisitions.press(this.last.id, action, index);
  }

  /** @returns {Record<string, number>} */
  get outcomes() {
    const counts = /** @type {Record<string, number>} */ ({});
    for (const { type, kind, count } of this.asked) if (type === 'outcome') counts[kind] = (counts[kind] ?? 0) + count;
    return counts;
  }

  get texts() {
    return Promise.all(this.given.map((/** @type {File | null} */ file) => file && file.text()));
  }
}

/** @type {Frame} */
let frame;
beforeEach(() => { frame = new Frame(); });

test('protected photos are given in order, under their names', async () => {
  frame.begin(['a.jpg', 'b.jpg', 'c.jpg'].map((name) => jpeg(name, 'secret')));
  await frame.until('done');
  assert.deepEqual([...frame.given].map(({ name }) => name), ['a.jpg', 'b.jpg', 'c.jpg']);
  for (const text of await frame.texts) assert.match(text, /safe$/);
  assert.equal(frame.given[0].lastModified, 7);
  assert.deepEqual(frame.outcomes, { protected: 3 });
  assert.deepEqual(frame.phases, ['working', 'done']);
});

test('two photos at a time, no more', async () => {
  frame.begin(Array.from({ length: 7 }, (_, i) => jpeg(`${i}.jpg`)));
  await frame.until('done');
  assert.equal(frame.most, 2);
});

test('names of files are not told', async () => {
  frame.begin([jpeg('Anna in hospital.jpg')]);
  await frame.until('done');
  const [{ photo }] = frame.asked;
  assert.equal(photo instanceof File, false);
});

test('what is no photo goes along untouched, in its place', async () => {
  const text = new File(['hello'], 'a.txt', { type: 'text/plain' });
  const unknown = new File(['hello'], 'Makefile');
  frame.begin([text, jpeg('b.jpg'), unknown]);
  await frame.until('done');
  assert.equal(frame.given[0], text);
  assert.equal(frame.given[2], unknown);
  assert.deepEqual(frame.outcomes, { protected: 1 });
});

for (const code of ['already_protected', 'animated_image', 'no_face', 'faces_too_small']) {
  test(`${code}: the photo passes as it is`, async () => {
    frame.answer = () => code;
    const photo = jpeg('a.jpg');
    frame.begin([photo]);
    await frame.until('done');
    assert.equal(frame.given[0], photo);
    assert.deepEqual(frame.outcomes, { passed: 1 });
  });
}

for (const code of ['no_face', 'faces_too_small']) {
  test(`${code} stops the photo where the user wants that`, async () => {
    frame.policy.noFace = 'stop';
    frame.answer = () => code;
    frame.begin([jpeg('a.jpg')]);
    await frame.until('stuck');
    assert.equal(frame.given, null);
  });
}

for (const code of ['daemon_down', 'not_paired', 'unsupported_format', 'bad_image', 'image_too_large', 'timeout', 'internal', 'a code of tomorrow']) {
  test(`${code}: nothing is given, until the user decides`, async () => {
    frame.answer = () => code;
    frame.begin([jpeg('a.jpg', 'secret')]);
    await frame.until('stuck');
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    assert.equal(frame.given, null);
    assert.deepEqual(frame.outcomes, { failed: 1 });
  });
}

test('one failure holds back the others too', async () => {
  let n = 0;
  const good = frame.answer;
  frame.answer = (request) => ((n += 1) === 2 ? 'busy' : good(request));
  frame.begin([jpeg('a.jpg'), jpeg('b.jpg'), jpeg('c.jpg')]);
  await frame.until('stuck');
  assert.equal(frame.given, null);
  frame.answer = good;
  await frame.press('retry');
  await frame.until('done');
  assert.equal(/** @type {any} */ (frame.given).length, 3);
  assert.equal(frame.asked.filter(({ type }) => type === 'protect').length, 4); // only the failed one again
});

test('the original of one photo, because the user said so; the others protected', async () => {
  const good = frame.answer;
  frame.answer = async (request) => ((await request.photo.text()).includes('bad') ? 'busy' : good(request));
  const bad = jpeg('b.jpg', 'bad');
  frame.begin([jpeg('a.jpg', 'secret'), bad]);
  await frame.until('stuck');
  await frame.press('original', 1);
  await frame.until('done');
  assert.equal(frame.given[1], bad);
  assert.match((await frame.texts)[0], /safe$/);
  assert.deepEqual(frame.outcomes, { failed: 1, protected: 1, original: 1 });
});

test('"send original" of a photo that did not fail does nothing', async () => {
  let n = 0;
  const good = frame.answer;
  frame.answer = (request) => ((n += 1) === 1 ? 'busy' : good(request));
  frame.begin([jpeg('a.jpg'), jpeg('b.jpg', 'secret')]);
  await frame.until('stuck');
  await frame.press('original', 1);
  assert.equal(frame.given, null);
});

test('a photo can be left out', async () => {
  let n = 0;
  const good = frame.answer;
  frame.answer = (request) => ((n += 1) === 1 ? 'busy' : good(request));
  frame.begin([jpeg('a.jpg'), jpeg('b.jpg')]);
  await frame.until('stuck');
  await frame.press('leave_out', 0);
  await frame.until('done');
  assert.equal(frame.given[0], null);
  assert.equal(frame.given[1].name, 'b.jpg');
});

test('leaving out the only photo is cancelling', async () => {
  frame.answer = () => 'busy';
  frame.begin([jpeg('a.jpg')]);
  await frame.until('stuck');
  await frame.press('leave_out', 0);
  assert.equal(frame.cancelled, 1);
  assert.equal(frame.given, null);
});

test('cancelled while the daemon works: its late answer changes nothing', async () => {
  /** @type {(value: any) => void} */
  let finish = () => undefined;
  frame.answer = () => new Promise((resolve) => { finish = resolve; });
  frame.begin([jpeg('a.jpg')]);
  await frame.until('working');
  await new Promise((resolve) => { setTimeout(resolve, 10); });
  await frame.press('cancel');
  assert.equal(frame.cancelled, 1);
  assert.ok(frame.asked.some(({ type }) => type === 'cancel'));
  finish({ photo: new Blob(['\xff\xd8\xff']), result: RESULT });
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  assert.equal(frame.given, null);
  await frame.press('original');
  assert.equal(frame.given, null);
});

test('superseded: the first is dropped without a word to the page', async () => {
  const first = frame.begin([jpeg('a.jpg')]);
  await frame.until('working');
  first.drop();
  await new Promise((resolve) => { setTimeout(resolve, 30); });
  assert.equal(frame.given, null);
  assert.equal(frame.cancelled, 0);
});

test('"ask" asks before anything leaves the page', async () => {
  frame.policy.mode = 'ask';
  frame.begin([jpeg('a.jpg')]);
  await frame.until('asking');
  assert.deepEqual(frame.asked, []);
  await frame.press('protect');
  await frame.until('done');
  assert.deepEqual(frame.outcomes, { protected: 1 });
});

test('"ask" does not ask about files that are no photos', async () => {
  frame.policy.mode = 'ask';
  const unknown = new File(['x'], 'Makefile');
  frame.begin([unknown]);
  await frame.until('done');
  assert.equal(frame.given[0], unknown);
});

test('without a policy photos are held; trying again asks for it again', async () => {
  const policy = frame.policy;
  frame.policy = null;
  frame.begin([jpeg('a.jpg')]);
  await frame.until('stuck');
  assert.equal(frame.given, null);
  frame.policy = policy;
  await frame.press('retry');
  await frame.until('done');
  assert.deepEqual(frame.outcomes, { protected: 1 });
});

test('held before it was known that the extension is off here: everything is given back', async () => {
  frame.policy.active = false;
  const photo = jpeg('a.jpg');
  frame.begin([photo]);
  await frame.until('done');
  assert.equal(frame.given[0], photo);
  assert.deepEqual(frame.outcomes, {});
});

test('pictures inside the HTML are protected with the others', async () => {
  const inside = Buffer.concat([Buffer.from('\xff\xd8\xff', 'latin1'), Buffer.from('secret')]).toString('base64');
  frame.begin([jpeg('a.jpg')], [['text/plain', 'hi'], ['text/html', `<img src="data:image/jpeg;base64,${inside}">`]]);
  await frame.until('done');
  assert.equal(frame.given.length, 1);
  const [[, plain], [, html]] = frame.strings;
  assert.equal(plain, 'hi');
  assert.ok(!html.includes(inside));
  assert.match(Buffer.from(html.match(/base64,([^"]*)/)[1], 'base64').toString('latin1'), /safe$/);
});

test('a file that cannot be read is stopped', async () => {
  const photo = jpeg('a.jpg');
  Object.defineProperty(photo, 'slice', { value: () => { throw new Error('gone'); } });
  frame.begin([photo]);
  await frame.until('stuck');
  assert.equal(frame.last.photos[0].problem.code, 'picture_gone');
});

test('a page whose field is gone is noticed', async () => {
  frame.gone = true;
  frame.begin([jpeg('a.jpg')]);
  await frame.until('done');
  assert.equal(frame.last.gone, true);
});
