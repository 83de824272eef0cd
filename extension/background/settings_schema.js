// @ts-check
/**
 * What settings may hold: the defaults, the check of settings from outside, and the mending of stored ones.
 *
 * Settings from outside, such as an imported file, are taken whole or not at all. Stored settings were
 * checked when they were written; should they be damaged all the same, what still makes sense is kept and the
 * rest is as new.
 *
 * @module
 */

import { text } from '../shared/text.js';
import { Failure } from './failure.js';
import { PRESETS } from './presets.js';

/** @typedef {import('../shared/messages.js').Settings} Settings */
/** @typedef {import('../shared/messages.js').SiteRule} SiteRule */

/** How "paused until I switch it on again" is written: the last moment that a Date can hold. */
export const FOREVER = 8.64e15;

/** @type {Readonly<Settings>} */
export const DEFAULTS = Object.freeze({
  version: 1,
  mode: 'always',
  circle: null,
  strength: 'mid',
  noFace: 'pass',
  strict: 'warn',
  pausedUntil: null,
  sites: Object.freeze({}),
});

const MOST_SITES = 1000;
const MODES = ['always', 'ask', 'never'];
const STRENGTHS = ['low', 'mid', 'high'];

/**
 * One entry: does the value fit, and what would (as a person reads it).
 * @typedef {{fits: (value: unknown) => boolean, wanted: string}} Entry
 */

/** @type {(values: (string | number)[]) => Entry} */
const oneOf = (values) => ({
  fits: (value) => values.some((each) => each === value),
  wanted: values.join(', '),
});

/** @type {(entry: Entry) => Entry} */
const orNull = (entry) => ({
  fits: (value) => value === null || entry.fits(value),
  wanted: `${entry.wanted}, null`,
});

/** @type {Entry} */
const circle = {
  fits: (value) => typeof value === 'string' && /^[0-9a-f]{16}$/.test(value),
  wanted: '0123456789abcdef',
};

/** @type {Entry} */
const moment = {
  fits: (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= FOREVER,
  wanted: `0 – ${FOREVER}`,
};

/** @type {Record<string, Entry>} */
const ENTRIES = {
  version: oneOf([DEFAULTS.version]),
  mode: oneOf(MODES),
  circle: orNull(circle),
  strength: oneOf(STRENGTHS),
  noFace: oneOf(['pass', 'stop']),
  strict: oneOf(['off', 'warn', 'block']),
  pausedUntil: orNull(moment),
};

/** @type {Record<string, Entry>} */
const RULE = { mode: orNull(oneOf(MODES)), circle: orNull(circle), strength: orNull(oneOf(STRENGTHS)) };

/**
 * Is this the name of a site: a preset's, or an http(s) origin as browsers write it?
 * @param {string} name
 */
export function isSiteName(name) {
  if (PRESETS.some((preset) => preset.site === name)) return true;
  return /^https?:\/\/./.test(name) && URL.canParse(name) && new URL(name).origin === name;
}

/**
 * Settings from outside, checked; those of an older version are brought up to date first.
 * @param {unknown} value
 * @returns {Settings}
 * @throws {Failure} `bad_settings`, whose detail names the entry
 */
export function validate(value) {
  const settings = upgrade(whole(value, text('settings_file')));
  if (Number(settings.version) > DEFAULTS.version) throw bad(text('settings_too_new'));
  check(settings, { ...ENTRIES, sites: { fits: isRecord, wanted: '{…}' } }, '');
  const sites = /** @type {Record<string, unknown>} */ (settings.sites);
  if (Object.keys(sites).length > MOST_SITES) throw bad(text('settings_many_sites', MOST_SITES));
  for (const [site, rule] of Object.entries(sites)) validateRule(site, rule);
  return /** @type {Settings} */ (structuredClone(settings));
}

/**
 * One site and its rule, checked.
 * @param {string} site
 * @param {unknown} rule
 * @returns {SiteRule}
 * @throws {Failure} `bad_settings`
 */
export function validateRule(site, rule) {
  const name = `sites["${site}"]`;
  if (!isSiteName(site)) throw bad(text('settings_bad_site', site));
  check(whole(rule, name), RULE, `${name}.`);
  return /** @type {SiteRule} */ (rule);
}

/**
 * Stored settings: entries that do not fit are as in `DEFAULTS`, sites that do not fit are left out.
 * @param {unknown} stored
 * @returns {Settings}
 */
export function mend(stored) {
  const old = isRecord(stored) ? upgrade(stored) : {};
  const settings = /** @type {Record<string, unknown>} */ (structuredClone(DEFAULTS));
  for (const [name, entry] of Object.entries(ENTRIES)) if (entry.fits(old[name])) settings[name] = old[name];
  const sites = Object.entries(isRecord(old.sites) ? old.sites : {}).filter(
    ([site, rule]) => isSiteName(site) && isRecord(rule) && !misfit(rule, RULE),
  );
  settings.sites = Object.fromEntries(sites);
  return /** @type {Settings} */ (/** @type {unknown} */ (settings));
}

/**
 * What makes settings of one version into those of the next: the first step is for version 1.
 * @type {((old: Record<string, unknown>) => Record<string, unknown>)[]}
 */
const STEPS = [];

/**
 * @param {Record<string, unknown>} settings  of any version
 * @param {typeof STEPS} [steps]
 * @returns {Record<string, unknown>} of the newest version, or unchanged where its version says nothing
 */
export function upgrade(settings, steps = STEPS) {
  const version = settings.version;
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1) return settings;
  return steps.slice(version - 1).reduce((old, step) => step(old), settings);
}

/**
 * @param {unknown} value
 * @param {string} name
 */
function whole(value, name) {
  if (!isRecord(value)) throw bad(text('settings_bad_value', name, '{…}'));
  return value;
}

/**
 * @param {Record<string, unknown>} value
 * @param {Record<string, Entry>} entries
 * @param {string} prefix  of the entries' names
 */
function check(value, entries, prefix) {
  const name = misfit(value, entries);
  if (!name) return;
  if (!Object.hasOwn(entries, name)) throw bad(text('settings_unknown', `${prefix}${name}`));
  throw bad(text('settings_bad_value', `${prefix}${name}`, entries[name].wanted));
}

/**
 * The first entry that is unknown, missing or does not fit.
 * @param {Record<string, unknown>} value
 * @param {Record<string, Entry>} entries
 */
function misfit(value, entries) {
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(entries, name));
  return unknown ?? Object.keys(entries).find((name) => !entries[name].fits(value[name]));
}

/** @param {string} detail */
function bad(detail) {
  return new Failure('bad_settings', { detail });
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isRecord(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
