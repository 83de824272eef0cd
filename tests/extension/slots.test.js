// @ts-check
/** Photos are handed over a few at a time. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { slots } from '../../extension/background/slots.js';

const { signal } = new AbortController();

/** Tasks that end when they are told to. */
function tasks() {
  /** @type {string[]} */
  const begun = [];
  /** @type {Map<string, (error?: Error) => void>} */
  const ends = new Map();
  /** @param {string} name */
  const make = (name) => () => new Promise((resolve, reject) => {
    begun.push(name);
    ends.set(name, (error) => (error ? reject(error) : resolve(name)));
  });
  /** @param {string} name @param {Error} [error] */
  const end = (name, error) => ends.get(name)?.(error);
  return { begun, make, end };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('slots', () => {
  it('run a few at a time, the others in their order', async () => {
    const inSlot = slots(2);
    const { begun, make, end } = tasks();
    const all = ['a', 'b', 'c', 'd'].map((name) => inSlot(make(name), signal));
    await settled();
    assert.deepEqual(begun, ['a', 'b']);
    end('b');
    await settled();
    assert.deepEqual(begun, ['a', 'b', 'c']);
    end('a');
    end('c');
    await settled();
    end('d');
    assert.deepEqual(await Promise.all(all), ['a', 'b', 'c', 'd']);
  });

  it('are free again after a task that failed', async () => {
    const inSlot = slots(1);
    const { begun, make, end } = tasks();
    const first = assert.rejects(inSlot(make('a'), signal), { message: 'oh' });
    const second = inSlot(make('b'), signal);
    await settled();
    end('a', new Error('oh'));
    await first;
    await settled();
    assert.deepEqual(begun, ['a', 'b']);
    end('b');
    await second;
  });

  it('let one that is cancelled before its turn go at once', async () => {
    const inSlot = slots(1);
    const { begun, make, end } = tasks();
    const controller = new AbortController();
    const first = inSlot(make('a'), signal);
    const second = assert.rejects(inSlot(make('b'), controller.signal), { code: 'cancelled' });
    const third = inSlot(make('c'), signal);
    await settled();
    controller.abort();
    await second;
    end('a');
    await first;
    await settled();
    assert.deepEqual(begun, ['a', 'c']);
    end('c');
    await third;
    await assert.rejects(inSlot(make('d'), AbortSignal.abort()), { code: 'cancelled' });
    const last = inSlot(make('e'), signal);
    await settled();
    end('e');
    assert.equal(await last, 'e');
  });
});
