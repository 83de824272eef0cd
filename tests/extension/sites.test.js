// @ts-check
/** Where ermask runs: the sites of the manifest, and those that the user permitted. */

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { anew, browser, manifest, restart, settle } from './fakes/chrome.js';
import * as firstStart from '../../extension/background/first_start.js';
import { patternFits, patternOf, webPatterns } from '../../extension/background/match_patterns.js';
import { PRESETS, isPreset, nameOf, siteOf } from '../../extension/background/presets.js';
import * as settings from '../../extension/background/settings.js';
import * as sites from '../../extension/background/sites.js';
import * as memory from '../../extension/background/tab_memory.js';

const { DEFAULTS } = settings;
const RULE = /** @type {const} */ ({ mode: 'always', circle: null, strength: null });
const { handlers, wanted } = sites;

firstStart.register();
sites.register();
await settle();

beforeEach(async () => {
  restart();
  await chrome.storage.local.remove('settings');
  Object.assign(browser, { origins: [...manifest.host_permissions], scripts: [], calls: [] });
});

/** @param {string[]} names */
const withSites = (...names) => ({
  ...DEFAULTS,
  sites: Object.fromEntries(names.map((name) => [name, RULE])),
});

test('the presets are the sites of the manifest', () => {
  const hosts = PRESETS.flatMap((preset) => preset.hosts)
    .map((host) => `https://${host}/*`)
    .toSorted();
  for (const { matches } of manifest.content_scripts) assert.deepEqual(matches.toSorted(), hosts);
  assert.deepEqual(manifest.host_permissions.toSorted(), ['http://127.0.0.1/*', ...hosts].toSorted());
  assert.equal(new Set(PRESETS.map(({ site }) => site)).size, PRESETS.length);
});

for (const [address, site] of /** @type {[string | undefined, string | null][]} */ ([
  ['https://x.com/home', 'x'],
  ['https://twitter.com/', 'x'],
  ['https://de.pinterest.com/pin/1', 'pinterest'],
  ['https://pinterest.com/', 'pinterest'],
  ['https://notpinterest.com/', 'https://notpinterest.com'],
  ['https://x.com.example.org/', 'https://x.com.example.org'],
  ['https://upload.x.com/', 'https://upload.x.com'],
  ['http://x.com/', 'http://x.com'],
  ['https://x.com:8443/', 'x'],
  ['https://EXAMPLE.org:443/a?b#c', 'https://example.org'],
  ['http://127.0.0.1:8080/a', 'http://127.0.0.1:8080'],
  ['about:blank', null],
  ['chrome://settings/', null],
  ['file:///etc/passwd', null],
  ['null', null],
  ['', null],
  [undefined, null],
])) {
  test(`the site of ${address} is ${site}`, () => assert.equal(siteOf(address), site));
}

test('sites have names that people know', () => {
  assert.equal(nameOf('bluesky'), 'Bluesky');
  assert.equal(nameOf('https://example.org:8443'), 'example.org:8443');
  assert.ok(isPreset('vk') && !isPreset('https://vk.com'));
});

test('match patterns', () => {
  const url = new URL('https://a.example.org:8443/b');
  for (const fits of [
    'https://a.example.org/*',
    'https://*.example.org/*',
    '*://a.example.org/*',
    'https://*/*',
  ]) {
    assert.ok(patternFits(fits, url), fits);
  }
  for (const not of [
    'http://a.example.org/*',
    'https://example.org/*',
    'https://*.ample.org/*',
    'http://*/*',
    '',
  ]) {
    assert.ok(!patternFits(not, url), not);
  }
  assert.ok(patternFits('https://*.example.org/*', new URL('https://example.org/')));
  assert.equal(patternOf(url), 'https://a.example.org/*');
  assert.deepEqual(webPatterns(['<all_urls>', 'https://*/*', 'file:///*']), ['http://*/*', 'https://*/*']);
});

test('nothing is registered for the sites of the manifest, nor for the daemon', () => {
  assert.deepEqual(wanted(manifest, manifest.host_permissions, DEFAULTS), []);
  assert.deepEqual(wanted(manifest, ['http://127.0.0.1/*'], withSites('https://example.org')), []);
});

test('other sites get what the manifest has, and never on top of it', () => {
  const scripts = wanted(manifest, [...manifest.host_permissions, 'https://*/*'], DEFAULTS);
  assert.equal(scripts.length, manifest.content_scripts.length);
  scripts.forEach((script, index) => {
    const declared = manifest.content_scripts[index];
    assert.deepEqual(script, {
      id: `manifest-${index}`,
      matches: ['https://*/*'],
      excludeMatches: declared.matches,
      js: declared.js,
      allFrames: declared.all_frames,
      matchOriginAsFallback: declared.match_origin_as_fallback,
      runAt: declared.run_at,
      world: declared.world ?? 'ISOLATED',
      persistAcrossSessions: true,
    });
  });
  // an entry that is not carried over here would be lost on all other sites
  const carried = ['matches', 'js', 'all_frames', 'match_origin_as_fallback', 'run_at', 'world'];
  for (const declared of manifest.content_scripts) {
    assert.deepEqual(
      Object.keys(declared).filter((name) => !carried.includes(name)),
      [],
    );
  }
});

test("Firefox's form of the manifest gives the same", () => {
  const full = structuredClone(manifest);
  for (const script of full.content_scripts) {
    script.js = script.js.map((/** @type {string} */ file) => `moz-extension://0000/${file}`);
  }
  assert.deepEqual(wanted(full, ['https://*/*'], DEFAULTS), wanted(manifest, ['https://*/*'], DEFAULTS));
});

test('pages of this computer only where one was switched on', () => {
  const at = (/** @type {any} */ now) => wanted(manifest, manifest.host_permissions, now)[0]?.matches ?? [];
  assert.deepEqual(at(withSites('http://127.0.0.1:8080')), ['http://127.0.0.1/*']);
  assert.deepEqual(at(withSites('http://localhost:8080', 'https://127.0.0.1')), []);
  /** @param {string} usual @param {string | null} mode */
  const withMode = (usual, mode) => ({
    ...DEFAULTS,
    mode: usual,
    sites: { 'http://127.0.0.1:8080': { ...RULE, strength: 'high', mode } },
  });
  assert.deepEqual(at(withMode('always', 'never')), []);
  assert.deepEqual(at(withMode('ask', null)), ['http://127.0.0.1/*']);
  assert.deepEqual(at(withMode('never', null)), []);
});

test('scripts follow the permissions', async () => {
  assert.deepEqual(await handlers['register-sites'](), []);
  browser.origins.push('https://example.org/*');
  /** @type {any} */ (chrome.permissions.onAdded).fire();
  await settle();
  assert.deepEqual(await sites.registered(), ['https://example.org/*']);
  browser.origins.push('https://example.com/*');
  assert.deepEqual(await handlers['register-sites'](), ['https://example.com/*', 'https://example.org/*']);
  browser.origins = [...manifest.host_permissions];
  /** @type {any} */ (chrome.permissions.onRemoved).fire();
  await settle();
  assert.deepEqual(browser.scripts, []);
  assert.deepEqual(browser.calls, ['register', 'update', 'unregister']);
});

test('scripts of another version of the extension are replaced', async () => {
  browser.scripts = [{ id: 'manifest-0', matches: ['https://old.example/*'], js: ['old.js'] }, { id: 'old' }];
  browser.origins.push('https://example.org/*');
  await sites.synchronise();
  assert.deepEqual(
    browser.scripts.map(({ id, matches }) => [id, matches]),
    [
      ['manifest-0', ['https://example.org/*']],
      ['manifest-1', ['https://example.org/*']],
    ],
  );
});

test('registrations at the same time do not meet', async () => {
  browser.origins.push('https://example.org/*');
  await Promise.all([1, 2, 3].map(() => sites.synchronise()));
  assert.equal(browser.scripts.length, 2);
});

test('once for each start of the browser, not each time the background wakes', async () => {
  /** @type {number[]} */
  const times = [];
  for (const life of [1, 2]) {
    const { onFirstStart } = await anew('first_start.js');
    onFirstStart(() => times.push(life));
    await settle();
  }
  restart();
  (await anew('first_start.js')).onFirstStart(() => times.push(3));
  await settle();
  assert.deepEqual(times, [1, 3]);
});

test('the popup learns about a site of the manifest', async () => {
  browser.tabs = [{ id: 1, url: 'https://de.pinterest.com/pin/1' }];
  await memory.begin(1, 'pinterest');
  await memory.change(1, (now) => ({ ...now, protected: 2 }));
  const site = await handlers.site({ tab: 1 });
  assert.deepEqual(
    [site.site, site.name, site.preset, site.possible, site.permitted, site.pattern, site.tally.protected],
    ['pinterest', 'Pinterest', true, true, true, 'https://*.pinterest.com/*', 2],
  );
  // what Firefox's users can do
  browser.origins = [];
  assert.equal((await handlers.site({ tab: 1 })).permitted, false);
});

test('the popup learns what to ask for elsewhere', async () => {
  browser.tabs = [{ id: 1, url: 'http://example.org:8080/a' }];
  await memory.begin(1, 'x');
  await memory.change(1, (now) => ({ ...now, protected: 2 }));
  const site = await handlers.site({ tab: 1 });
  assert.deepEqual(
    [site.site, site.permitted, site.pattern],
    ['http://example.org:8080', false, 'http://example.org/*'],
  );
  assert.equal(site.tally.protected, 0, 'counts of the page before');
  browser.origins.push('http://example.org/*');
  await sites.synchronise();
  assert.equal((await handlers.site({ tab: 1 })).permitted, true);
});

test('pages that no extension may touch are said to be so', async () => {
  browser.tabs = [{ id: 1, url: 'chrome://settings/' }, { id: 2 }];
  for (const tab of [1, 2, 3]) {
    const { possible, permitted, site } = await handlers.site({ tab });
    assert.deepEqual([possible, permitted, site], [false, false, '']);
  }
});
