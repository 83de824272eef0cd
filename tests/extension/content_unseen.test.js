// @ts-check
/** The warning of unseen pictures: a page that causes thousands gets one card, and none is forgotten. */

import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

import { load } from './content/scripts.js';

const GATHERING = 500;
const MINUTE = 60_000;

class Frame {
  /** @type {{title: string, lines: string[], close: () => void}[]} */
  cards = [];
  /** @type {any[]} */
  asked = [];
  told = 0;

  /** @param {{isTop?: boolean, topIsOurs?: boolean, isConnected?: boolean}} [where] */
  constructor({ isTop = true, topIsOurs = true, isConnected = true } = {}) {
    const top = {};
    const scope = {
      window: isTop ? Object.assign(top, { top }) : { top },
      acquisitions: {
        tell: (/** @type {string} */ kind, /** @type {number} */ count) => {
          assert.equal(kind, 'unseen');
          this.told += count;
        },
      },
      courier: {
        connected: () => isConnected,
        ask: async (/** @type {any} */ request) => {
          this.asked.push({ ...request });
          return { ok: true, value: { shown: topIsOurs } };
        },
      },
      stage: {
        note: (/** @type {string} */ title, /** @type {string[]} */ lines, /** @type {() => void} */ close) =>
          this.cards.push({ title, lines: [...lines], close }),
      },
      words: {
        count: (/** @type {string} */ key, /** @type {number} */ count) => `${key} ${count}`,
        say: (/** @type {string} */ key) => key,
      },
    };
    this.unseen = load(['unseen'], scope)('unseen');
  }

  /** The page sends pictures, and enough time passes for them to be told. @param {any} [letter] */
  async sends({ count = 1, blocked = false } = {}) {
    this.unseen.report({ blocked, count });
    await passes(GATHERING);
  }
}

/** @param {number} milliseconds */
async function passes(milliseconds) {
  mock.timers.tick(milliseconds);
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
});

test('a picture is told of, and counted', async () => {
  const frame = new Frame();
  await frame.sends();
  assert.deepEqual(
    frame.cards.map(({ title, lines }) => [title, lines]),
    [['chip_unseen 1', ['chip_unseen_why']]],
  );
  assert.equal(frame.told, 1);
});

test('what is sent together is told together', async () => {
  const frame = new Frame();
  for (let n = 0; n < 50; n += 1) frame.unseen.report({ blocked: false, count: 2 });
  await passes(GATHERING);
  assert.deepEqual(frame.cards.map(({ title }) => title), ['chip_unseen 100']);
  assert.equal(frame.told, 100);
});

test('while a card is there, no other comes', async () => {
  const frame = new Frame();
  for (let n = 0; n < 1000; n += 1) await frame.sends();
  assert.equal(frame.cards.length, 1);
  assert.equal(frame.told, 1000);
});

test('after a card there is silence, each time longer; then the rest is told without being asked', async () => {
  const frame = new Frame();
  await frame.sends();
  for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
    const before = frame.cards.length;
    frame.cards.at(-1)?.close();
    await frame.sends({ count: 3 });
    await frame.sends({ count: 4 });
    await passes(minutes * MINUTE - 2 * GATHERING - 1);
    assert.equal(frame.cards.length, before, `nothing for ${minutes} minutes`);
    await passes(1);
    assert.equal(frame.cards.at(-1)?.title, 'chip_unseen 7');
    assert.equal(frame.cards.length, before + 1);
  }
});

test('when nothing happened in the silence, the next picture is told of at once', async () => {
  const frame = new Frame();
  await frame.sends();
  frame.cards[0]?.close();
  await passes(MINUTE);
  assert.equal(frame.cards.length, 1);
  await frame.sends();
  assert.equal(frame.cards.length, 2);
});

test('pictures that were kept back are told of, and do not count as sent', async () => {
  const frame = new Frame();
  await frame.sends({ blocked: true, count: 2 });
  assert.equal(frame.cards[0]?.title, 'chip_unseen_blocked 2');
  assert.equal(frame.told, 0);
  frame.cards[0]?.close();
  await frame.sends({ blocked: true });
  await frame.sends();
  await passes(MINUTE);
  const { title, lines } = frame.cards[1] ?? {};
  assert.deepEqual([title, lines], ['chip_unseen 1', ['chip_unseen_blocked 1', 'chip_unseen_why']]);
});

test('the top frame speaks for the others', async () => {
  const inner = new Frame({ isTop: false });
  await inner.sends({ count: 2 });
  assert.deepEqual(inner.asked, [{ type: 'unseen', sent: 2, kept: 0 }]);
  assert.equal(inner.cards.length, 0);
  assert.equal(inner.told, 2);

  const top = new Frame();
  for (let frame = 1; frame <= 20; frame += 1) top.unseen.add({ sent: 1, kept: 0, frame });
  assert.equal(top.cards.length, 1);
  assert.deepEqual([top.told, top.asked], [0, []]);
});

test('a frame speaks for itself where the top frame is not ours, or cannot be asked', async () => {
  for (const where of [{ topIsOurs: false }, { isConnected: false }]) {
    const frame = new Frame({ isTop: false, ...where });
    await frame.sends();
    assert.equal(frame.cards.length, 1);
  }
});
