// @ts-check
/**
 * Where ermask runs beside the sites of the manifest: everywhere the user has permitted.
 *
 * The same content scripts as in the manifest are registered for the other permitted origins, as the manifest
 * says them, so that the two cannot differ.
 *
 * @module
 */

import { onFirstStart } from './first_start.js';
import { inTurn } from './in_turn.js';
import { patternFits, patternOf, webPatterns } from './match_patterns.js';
import { policyOfSite } from './policy.js';
import { isPreset, nameOf, siteOf, webAddress } from './presets.js';
import * as settings from './settings.js';
import * as tally from './tally.js';

/** @typedef {import('../shared/messages.js').Site} Site */
/** @typedef {import('../shared/messages.js').Settings} Settings */
/** @typedef {chrome.scripting.RegisteredContentScript} Script */
/** @typedef {NonNullable<chrome.runtime.ManifestV3['content_scripts']>[number]} Declared */
/** @typedef {(Declared & {match_origin_as_fallback?: boolean})[]} Scripts */
/** @typedef {{content_scripts?: Scripts}} Manifest */

/**
 * Permitted for the daemon's sake. Pages of this computer are another matter: they have to be switched on one
 * by one, by a rule in the settings.
 */
const DAEMON = 'http://127.0.0.1/*';

const queue = inTurn();

/**
 * The scripts to register.
 * @param {Manifest} manifest
 * @param {string[]} granted  all permitted origins, those of the manifest among them
 * @param {Settings} now
 * @returns {Script[]}
 */
export function wanted(manifest, granted, now) {
  const scripts = manifest.content_scripts ?? [];
  const own = new Set(scripts.flatMap((script) => script.matches ?? []));
  const local = Object.entries(now.sites).some((entry) => isDaemonHost(entry, now)) ? [DAEMON] : [];
  const others = granted.filter((each) => each !== DAEMON);
  const matches = webPatterns([...others, ...local]).filter((each) => !own.has(each));
  if (!matches.length) return [];
  return scripts.map((script, index) => ({
    id: `manifest-${index}`,
    matches,
    // a wider permission covers sites of the manifest too, and nothing may run twice in a page
    excludeMatches: script.matches ?? [],
    js: (script.js ?? []).map(withinExtension),
    allFrames: script.all_frames ?? false,
    matchOriginAsFallback: script.match_origin_as_fallback ?? false,
    runAt: /** @type {Script['runAt']} */ (script.run_at ?? 'document_idle'),
    world: /** @type {Script['world']} */ (script.world ?? 'ISOLATED'),
    persistAcrossSessions: true,
  }));
}

/**
 * Firefox shows the manifest's files with the extension's address before them, and takes them without it.
 * @param {string} file
 */
function withinExtension(file) {
  return URL.canParse(file) ? new URL(file).pathname.slice(1) : file;
}

/**
 * @param {[string, import('../shared/messages.js').SiteRule]} entry
 * @param {Settings} now
 */
function isDaemonHost([site, { mode }], now) {
  return (mode ?? now.mode) !== 'never' && !isPreset(site) && patternOf(new URL(site)) === DAEMON;
}

/**
 * Register what is wanted now and nothing else.
 * @returns {Promise<string[]>} the patterns of the sites that are registered
 */
export function synchronise() {
  return queue(async () => {
    const [{ origins = [] }, now, old] = await Promise.all([
      chrome.permissions.getAll(), settings.read(), chrome.scripting.getRegisteredContentScripts(),
    ]);
    const scripts = wanted(chrome.runtime.getManifest(), origins, now);
    const ids = new Set(scripts.map(({ id }) => id));
    const known = new Set(old.map(({ id }) => id));
    const gone = old.filter(({ id }) => !ids.has(id)).map(({ id }) => id);
    const fresh = scripts.filter(({ id }) => !known.has(id));
    const changed = scripts.filter(({ id }) => known.has(id));
    // an update leaves no moment without scripts, which taking away and adding again would
    if (changed.length) await chrome.scripting.updateContentScripts(changed);
    if (gone.length) await chrome.scripting.unregisterContentScripts({ ids: gone });
    if (fresh.length) await chrome.scripting.registerContentScripts(fresh);
    return scripts[0]?.matches ?? [];
  });
}

/** @returns {Promise<string[]>} */
export async function registered() {
  return (await chrome.scripting.getRegisteredContentScripts())[0]?.matches ?? [];
}

/**
 * May content scripts run at an address?
 * @param {URL} url
 * @returns {Promise<{permitted: boolean, pattern: string}>} with the permission to ask for where not
 */
async function accessTo(url) {
  const manifest = chrome.runtime.getManifest().content_scripts?.[0]?.matches ?? [];
  const pattern = manifest.find((each) => patternFits(each, url));
  // Firefox's users can take back what the manifest has, Chrome's can withhold it
  if (pattern) return { pattern, permitted: await chrome.permissions.contains({ origins: [pattern] }) };
  return { pattern: patternOf(url), permitted: (await registered()).some((each) => patternFits(each, url)) };
}

/**
 * Could scripts run in a tab at all? Browsers keep some pages for themselves; only trying tells.
 * @param {number} tabId
 */
function canRunIn(tabId) {
  const attempt = chrome.scripting.executeScript({ target: { tabId }, func: () => true });
  return attempt.then(() => true, () => false);
}

/** Listen; to be called while the background starts. */
export function register() {
  chrome.permissions.onAdded.addListener(() => void synchronise());
  chrome.permissions.onRemoved.addListener(() => void synchronise());
  settings.onChange(() => void synchronise());
  onFirstStart(synchronise);
}

export const handlers = {
  'register-sites': () => synchronise(),

  /**
   * @param {{tab: number}} request
   * @returns {Promise<Site>}
   */
  async site({ tab }) {
    const url = webAddress((await chrome.tabs.get(tab).catch(() => null))?.url);
    const site = siteOf(url?.href) ?? '';
    const [now, policy, counts] = await Promise.all([
      settings.read(), policyOfSite(site), tally.of(tab, site),
    ]);
    const { permitted, pattern } = url ? await accessTo(url) : { permitted: false, pattern: '' };
    return {
      site,
      name: nameOf(site),
      preset: isPreset(site),
      possible: url !== null && (permitted || (await canRunIn(tab))),
      permitted,
      pattern,
      rule: now.sites[site] ?? null,
      policy,
      tally: counts,
    };
  },
};
