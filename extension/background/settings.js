// @ts-check
/**
 * The settings: reading and writing them, the requests about them, and what they mean for a site.
 *
 * @module
 */

import { inTurn } from './in_turn.js';
import { DEFAULTS, FOREVER, mend, validate, validateRule } from './settings_schema.js';

export { DEFAULTS, FOREVER };

/** @typedef {import('../shared/messages.js').Settings} Settings */
/** @typedef {import('../shared/messages.js').Policy} Policy */
/** @typedef {import('../shared/messages.js').Circle} Circle */

const NAME = 'settings';
const ALARM = 'pause-ends';

const queue = inTurn();

/** @returns {Promise<Settings>} */
export async function read() {
  return mend((await chrome.storage.local.get(NAME))[NAME]);
}

/**
 * @param {Settings} settings
 * @returns {Promise<Settings>} as written
 */
export function write(settings) {
  return queue(() => save(validate(settings)));
}

/**
 * Change the settings, safe from others who do so at the same time.
 * @param {(settings: Settings) => Settings} change
 */
function edit(change) {
  return queue(async () => save(validate(change(await read()))));
}

/** @param {Settings} settings */
async function save(settings) {
  await chrome.storage.local.set({ [NAME]: settings });
  await setAlarm(settings);
  return settings;
}

/**
 * Be told of every change, also of one that woke this background.
 * @param {(settings: Settings) => unknown} callback
 */
export function onChange(callback) {
  chrome.storage.onChanged.addListener((changes, area) => {
    if (area === 'local' && changes[NAME]) callback(mend(changes[NAME].newValue));
  });
}

/**
 * How frames of a site treat photos. Only "never" and a pause let photos go untouched: whether the daemon
 * runs does not matter here.
 * @param {string | null} site  its name in the settings; null where it is not known: then as everywhere
 * @param {Settings} settings
 * @param {Circle[]} circles  as far as known
 * @param {number} [now]
 * @returns {Policy}
 */
export function policyFor(site, settings, circles, now = Date.now()) {
  const rule = site === null ? null : settings.sites[site];
  const mode = rule?.mode ?? settings.mode;
  // with a single circle there is nothing to choose
  const only = circles.length === 1 ? circles[0].id : null;
  const circle = rule?.circle ?? settings.circle ?? only;
  return {
    active: mode !== 'never' && !isPaused(settings, now),
    mode,
    circle,
    circleLabel: circles.find((each) => each.id === circle)?.label ?? null,
    strength: rule?.strength ?? settings.strength,
    noFace: settings.noFace,
    strict: settings.strict,
  };
}

/**
 * @param {Settings} settings
 * @param {number} [now]
 */
export function isPaused(settings, now = Date.now()) {
  return settings.pausedUntil !== null && settings.pausedUntil > now;
}

/** Pause everywhere, or go on: the keyboard's command. */
export function togglePause() {
  return edit((settings) => ({ ...settings, pausedUntil: isPaused(settings) ? null : FOREVER }));
}

/**
 * A pause must end on time though the background may be gone by then, so the browser is asked to wake it.
 * @param {Settings} settings
 */
async function setAlarm({ pausedUntil }) {
  if (pausedUntil === null || pausedUntil === FOREVER) await chrome.alarms.clear(ALARM);
  else await chrome.alarms.create(ALARM, { when: pausedUntil });
}

/** Alarms can come early by a little, and are lost with a crash: the clock decides. */
async function endPause() {
  const settings = await read();
  if (settings.pausedUntil === null) return;
  if (isPaused(settings)) await setAlarm(settings);
  else await edit((now) => (isPaused(now) ? now : { ...now, pausedUntil: null }));
}

/** Listen; to be called while the background starts. */
export function register() {
  // Firefox has no access levels; the content scripts there are ours alone, as everywhere
  void chrome.storage.local.setAccessLevel?.({ accessLevel: 'TRUSTED_CONTEXTS' });
  chrome.alarms.onAlarm.addListener((alarm) => {
    if (alarm.name === ALARM) void endPause();
  });
  void endPause();
}

export const handlers = {
  settings: () => read(),

  /** @param {{settings: unknown}} request */
  'set-settings': ({ settings }) => write(/** @type {Settings} */ (settings)),

  /** @param {{site: string, rule: unknown}} request  null, or a rule of nothing but null: as everywhere */
  'set-site': ({ site, rule }) =>
    edit((settings) => {
      const { [site]: _, ...others } = settings.sites;
      const kept = rule === null ? null : validateRule(site, rule);
      if (!kept || Object.values(kept).every((part) => part === null)) return { ...settings, sites: others };
      return { ...settings, sites: { ...others, [site]: kept } };
    }),

  /** @param {{until: number | null}} request */
  pause: ({ until }) => edit((settings) => ({ ...settings, pausedUntil: until })),
};
