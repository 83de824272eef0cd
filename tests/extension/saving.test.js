// @ts-check
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { renamed } from '../../extension/shared/saving.js';

describe('the name of a saved photo', () => {
  it('says what was done, and ends like the photo’s type', () => {
    assert.equal(renamed('holiday.jpg', 'restored', 'image/jpeg'), 'holiday-restored.jpg');
    assert.equal(renamed('holiday.heic', 'restored', 'image/jpeg'), 'holiday-restored.jpg');
    assert.equal(renamed('two.dots.png', 'restored', 'image/png'), 'two.dots-restored.png');
    assert.equal(renamed('no-ending', 'restored', 'image/webp'), 'no-ending-restored.webp');
    assert.equal(renamed('odd.tiff', 'restored', 'image/tiff'), 'odd-restored.tiff');
  });

  it('is one that file systems take', () => {
    assert.equal(renamed('../../etc/pass:wd.jpg', 'restored', 'image/jpeg'), '_.._etc_pass_wd-restored.jpg');
    assert.equal(renamed('a\u0000b\nc.png', 'restored', 'image/png'), 'a_b_c-restored.png');
    assert.equal(renamed('.hidden', 'restored', 'image/png'), 'hidden-restored.png');
    assert.equal(renamed('', 'restored', 'image/png'), 'photo-restored.png');
    assert.ok(renamed('x'.repeat(500), 'restored', 'image/png').length < 120);
  });
});
