// @ts-check
/** The settings: what may be in them, how they are kept, and what they mean for a site. */

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { browser, settle } from './fakes/chrome.js';
import * as settings from '../../extension/background/settings.js';
import { mend, upgrade, validate } from '../../extension/background/settings_schema.js';

const { DEFAULTS, FOREVER, handlers, policyFor } = settings;
const CIRCLE = '0123456789abcdef';
const RULE = { mode: 'ask', circle: CIRCLE, strength: null };
const circles = [{ id: CIRCLE, label: 'Family', created: '', fingerprint: '' }];

settings.register();
beforeEach(async () => {
  await chrome.storage.local.remove('settings');
  browser.alarms = {};
});

/** @param {Partial<import('../../extension/shared/messages.js').Settings>} some */
const withSome = (some) => ({ ...structuredClone(DEFAULTS), ...some });

test('without any settings there are the defaults, which protect everywhere', async () => {
  assert.deepEqual(await settings.read(), DEFAULTS);
  assert.equal(policyFor('x', DEFAULTS, []).active, true);
  assert.equal(policyFor(null, DEFAULTS, []).active, true);
});

test('valid settings are taken as they are', () => {
  const full = withSome({
    circle: CIRCLE,
    pausedUntil: FOREVER,
    sites: /** @type {any} */ ({ x: RULE, 'https://example.org': RULE }),
  });
  assert.deepEqual(validate(full), full);
  assert.notEqual(validate(full), full);
});

for (const [what, value, named] of /** @type {[string, unknown, string][]} */ ([
  ['nothing', null, 'The file'],
  ['a list', [], 'The file'],
  ['a text', '{}', 'The file'],
  ['an unknown entry', withSome(/** @type {any} */ ({ colour: 'red' })), '“colour”'],
  ['a missing entry', (({ mode: _, ...others }) => others)(DEFAULTS), '“mode”'],
  ['another mode', withSome(/** @type {any} */ ({ mode: 'sometimes' })), 'always, ask, never'],
  ['a circle by its label', withSome({ circle: 'Family' }), '“circle”'],
  ['a pause that is no moment', withSome({ pausedUntil: NaN }), '“pausedUntil”'],
  ['a pause beyond all dates', withSome({ pausedUntil: FOREVER + 2 }), '“pausedUntil”'],
  ['no version', withSome(/** @type {any} */ ({ version: undefined })), '“version”'],
  ['a version to come', withSome(/** @type {any} */ ({ version: 2 })), 'newer'],
  ['sites as a list', withSome(/** @type {any} */ ({ sites: [] })), '“sites”'],
  [
    'a site that is an address',
    withSome(/** @type {any} */ ({ sites: { 'https://example.org/': RULE } })),
    'example.org/',
  ],
  ['a site that is a host', withSome(/** @type {any} */ ({ sites: { 'example.org': RULE } })), 'example.org'],
  ['a site of another scheme', withSome(/** @type {any} */ ({ sites: { 'file://': RULE } })), 'file'],
  [
    'a rule without strength',
    withSome(/** @type {any} */ ({ sites: { x: { mode: 'ask', circle: null } } })),
    'strength',
  ],
  [
    'a rule with more',
    withSome(/** @type {any} */ ({ sites: { x: { ...RULE, on: true } } })),
    'sites["x"].on',
  ],
  ['a rule that is null', withSome(/** @type {any} */ ({ sites: { x: null } })), 'sites["x"]'],
  [
    'the prototype as a site',
    withSome({ sites: JSON.parse('{"__proto__": {"mode": "never"}}') }),
    '__proto__',
  ],
  [
    'too many sites',
    withSome({
      sites: Object.fromEntries(
        Array.from({ length: 1001 }, (_, i) => [`https://s${i}.example`, /** @type {any} */ (RULE)]),
      ),
    }),
    '1000',
  ],
])) {
  test(`settings from outside are refused: ${what}`, () => {
    assert.throws(
      () => validate(value),
      (/** @type {any} */ error) => {
        assert.equal(error.code, 'bad_settings');
        assert.ok(error.detail.includes(named), error.detail);
        return true;
      },
    );
  });
}

test('refused settings change nothing', async () => {
  await handlers['set-settings']({ settings: withSome({ mode: 'ask' }) });
  await assert.rejects(handlers['set-settings']({ settings: { mode: 'never' } }), { code: 'bad_settings' });
  await assert.rejects(handlers['set-site']({ site: 'x', rule: { mode: 'no' } }), { code: 'bad_settings' });
  await assert.rejects(handlers.pause({ until: /** @type {any} */ ('later') }), { code: 'bad_settings' });
  assert.equal((await handlers.settings()).mode, 'ask');
});

test('damaged stored settings keep what makes sense', () => {
  const stored = {
    version: 1,
    mode: 'ask',
    strength: 7,
    extra: 1,
    sites: { x: RULE, y: RULE, reddit: { mode: 'no' } },
  };
  assert.deepEqual(mend(stored), withSome(/** @type {any} */ ({ mode: 'ask', sites: { x: RULE } })));
  for (const rubbish of [undefined, null, 3, [], 'x', { sites: [] }])
    assert.deepEqual(mend(rubbish), DEFAULTS);
});

test('older settings go through every step up to the newest, once', () => {
  const steps = [
    (/** @type {any} */ old) => ({ ...old, version: 2, seen: 'two' }),
    (/** @type {any} */ old) => ({ ...old, version: 3, seen: `${old.seen ?? ''} three` }),
  ];
  assert.deepEqual(upgrade({ version: 1 }, steps), { version: 3, seen: 'two three' });
  assert.deepEqual(upgrade({ version: 2 }, steps), { version: 3, seen: ' three' });
  assert.deepEqual(upgrade({ version: 3 }, steps), { version: 3 });
  assert.deepEqual(upgrade({ version: -1 }, steps), { version: -1 });
});

test('changes made at the same time are all kept', async () => {
  const sites = ['x', 'reddit', 'https://example.org'];
  await Promise.all(sites.map((site) => handlers['set-site']({ site, rule: RULE })));
  assert.deepEqual(Object.keys((await settings.read()).sites).sort(), sites.toSorted());
  await Promise.all(sites.map((site) => handlers['set-site']({ site, rule: null })));
  assert.deepEqual((await settings.read()).sites, {});
});

test('each part of a rule can be as everywhere; a rule of nothing else goes', async () => {
  const strong = { ...RULE, strength: 'high' };
  const steps = /** @type {const} */ ([
    [strong, strong],
    [{ ...strong, mode: null }, { ...strong, mode: null }],
    [{ mode: null, circle: null, strength: 'high' }, { mode: null, circle: null, strength: 'high' }],
    [{ mode: null, circle: null, strength: null }, undefined],
  ]);
  for (const [rule, kept] of steps) {
    const { sites } = await handlers['set-site']({ site: 'x', rule });
    assert.deepEqual(sites.x, kept);
  }
  await assert.rejects(handlers['set-site']({ site: 'x', rule: { mode: null } }), { code: 'bad_settings' });
});

test('changes are told', async () => {
  /** @type {string[]} */
  const seen = [];
  settings.onChange(({ mode }) => seen.push(mode));
  await settings.write(withSome({ mode: 'never' }));
  await chrome.storage.session.set({ settings: 'of another store' });
  assert.deepEqual(seen, ['never']);
});

test('only "never" and a pause let photos go', () => {
  const now = 1000;
  const at = (/** @type {any} */ some) => policyFor('x', withSome(some), [], now).active;
  assert.equal(at({ mode: 'always' }), true);
  assert.equal(at({ mode: 'ask' }), true);
  assert.equal(at({ mode: 'never' }), false);
  assert.equal(at({ pausedUntil: now + 1 }), false);
  assert.equal(at({ pausedUntil: now }), true);
  assert.equal(at({ sites: { x: { ...RULE, mode: 'never' } } }), false);
  assert.equal(at({ mode: 'never', sites: { x: RULE } }), true);
  assert.equal(at({ sites: { reddit: { ...RULE, mode: 'never' } } }), true);
});

test('a rule without a mode of its own follows the settings in that', () => {
  const rule = { ...RULE, mode: null, strength: 'high' };
  for (const mode of /** @type {const} */ (['always', 'ask', 'never'])) {
    const policy = policyFor('x', withSome(/** @type {any} */ ({ mode, sites: { x: rule } })), circles);
    assert.deepEqual([policy.mode, policy.active], [mode, mode !== 'never']);
    assert.deepEqual([policy.circle, policy.strength], [CIRCLE, 'high']);
  }
});

test('a rule goes before the settings, entry by entry', () => {
  const other = 'f'.repeat(16);
  const now = withSome(/** @type {any} */ ({ strength: 'low', circle: other, sites: { x: RULE } }));
  assert.deepEqual(policyFor('x', now, circles), {
    active: true,
    mode: 'ask',
    circle: CIRCLE,
    circleLabel: 'Family',
    strength: 'low',
    noFace: 'pass',
    strict: 'warn',
  });
  const elsewhere = policyFor('https://example.org', now, circles);
  assert.deepEqual([elsewhere.circle, elsewhere.circleLabel], [other, null]);
});

test('a single circle need not be chosen, one of two must be', () => {
  assert.equal(policyFor('x', DEFAULTS, circles).circle, CIRCLE);
  assert.equal(policyFor('x', DEFAULTS, [...circles, { ...circles[0], id: 'f'.repeat(16) }]).circle, null);
});

test('a pause ends on time, though nobody is awake', async () => {
  const until = Date.now() + 3_600_000;
  await handlers.pause({ until });
  assert.deepEqual(browser.alarms, { 'pause-ends': { when: until } });
  // an alarm that comes too early is set again
  browser.alarms = {};
  /** @type {any} */ (chrome.alarms.onAlarm).fire({ name: 'pause-ends' });
  await settle();
  assert.deepEqual(browser.alarms, { 'pause-ends': { when: until } });
  await chrome.storage.local.set({ settings: withSome({ pausedUntil: Date.now() - 1 }) });
  /** @type {any} */ (chrome.alarms.onAlarm).fire({ name: 'pause-ends' });
  await settle();
  assert.equal((await settings.read()).pausedUntil, null);
  assert.deepEqual(browser.alarms, {});
});

test('a pause without end has no alarm, and the keyboard ends it', async () => {
  await settings.togglePause();
  assert.equal((await settings.read()).pausedUntil, FOREVER);
  assert.deepEqual(browser.alarms, {});
  await settings.togglePause();
  assert.equal((await settings.read()).pausedUntil, null);
});
