// @ts-check
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { grouped, isComplete, stranger, symbols } from '../../extension/shared/pairing_code.js';

const { vectors } = JSON.parse(readFileSync(new URL('../vectors/pairing.json', import.meta.url), 'utf8'));

describe('a typed code', () => {
  it('may have any case, spaces and hyphens', () => {
    for (const typed of ['7K3PQ9XD', '7k3p-q9xd', ' 7k3p q9xd ', '7-K-3-P-Q-9-X-D']) {
      assert.equal(symbols(typed), '7K3PQ9XD');
      assert.equal(grouped(typed), '7K3P-Q9XD');
      assert.ok(isComplete(typed));
      assert.equal(stranger(typed), null);
    }
  });

  it('may have letters that look like digits', () => {
    assert.equal(symbols('oil0-abcd'), '0110ABCD');
    assert.equal(stranger('oil0'), null);
  });

  it('is grouped while it is typed', () => {
    assert.deepEqual(['', '7', '7K3P', '7K3PQ'].map(grouped), ['', '7', '7K3P', '7K3P-Q']);
    assert.ok(!isComplete('7K3P-Q9X'));
  });

  it('has no U, and nothing but letters and digits', () => {
    assert.equal(stranger('7K3P-U'), 'U');
    assert.equal(stranger('7K3P_Q9XD'), '_');
    assert.equal(stranger('7K3P-Ä'), 'Ä');
  });

  it('is what the daemon makes of it', () => {
    assert.ok(vectors.length > 2);
    for (const { typed, canonical } of vectors) assert.equal(symbols(typed), canonical);
  });
});
