// @ts-check
/**
 * The sites: those that come with ermask, and those the user has added; each with its rule.
 *
 * @module
 */

import { nameOf } from '../background/presets.js';
import { ask } from '../shared/asking.js';
import { button, element, part } from '../shared/elements.js';
import { notice } from '../shared/notice.js';
import { strengthWord } from '../shared/result_words.js';
import { presetAccess, requestAccess } from '../shared/site_access.js';
import { text } from '../shared/text.js';
import { announce, circlesProblem, load, take } from './saved_settings.js';

/** @typedef {import('../shared/messages.js').Settings} Settings */
/** @typedef {import('../shared/messages.js').SiteRule} SiteRule */
/** @typedef {import('../shared/messages.js').Circle} Circle */
/** @typedef {import('../shared/site_access.js').Access} Access */
/** @typedef {{value: string, label: string}} Entry */

const STRENGTHS = /** @type {const} */ (['low', 'mid', 'high']);
const MODES = /** @type {const} */ (['always', 'ask', 'never']);

/**
 * @param {Settings} settings
 * @param {Circle[]} circles
 */
export async function showSites(settings, circles) {
  const presets = await presetAccess();
  const missing = presets.filter(({ permitted }) => !permitted);
  part('#sites-missing').replaceChildren(...(missing.length ? [repair(missing)] : []));
  const others = (await addedOrigins(settings)).filter((site) => !presets.some((each) => each.site === site));
  const withFocus = document.activeElement?.id;
  part('#sites-list').replaceChildren(
    ...presets.map(({ site, name, permitted }) => row(site, name, permitted, true, settings, circles)),
    ...others.map((site) => row(site, nameOf(site), true, false, settings, circles)),
  );
  // the row was made anew while it was used
  if (withFocus) document.getElementById(withFocus)?.focus();
}

/**
 * Sites beyond the presets: those with a rule, and those permitted.
 * @param {Settings} settings
 */
async function addedOrigins(settings) {
  const { origins = [] } = await chrome.permissions.getAll();
  const required = chrome.runtime.getManifest().host_permissions ?? [];
  const granted = origins.filter((each) => !required.includes(each)).map((each) => each.replace(/\/\*$/, ''));
  return [...new Set([...Object.keys(settings.sites), ...granted])].sort();
}

/** @param {Access[]} missing */
function repair(missing) {
  const origins = missing.flatMap((each) => each.origins);
  const give = button(
    text('onboarding_sites_permit'),
    async () => {
      if (await requestAccess(origins)) await ask({ type: 'register-sites' });
      await load();
    },
    'main',
  );
  const names = missing.map(({ name }) => name).join(', ');
  return notice(
    'warn',
    text('onboarding_sites_missing'),
    text('onboarding_sites_missing_why', names),
    element('div', {}, give),
  );
}

/**
 * @param {string} site
 * @param {string} name
 * @param {boolean} permitted
 * @param {boolean} isPreset
 * @param {Settings} settings
 * @param {Circle[]} circles
 */
function row(site, name, permitted, isPreset, settings, circles) {
  /** @type {SiteRule | null} */
  const rule = settings.sites[site] ?? null;
  /** @param {Partial<SiteRule>} change */
  const change = async (change) => {
    // what is stored, not what is shown: the row may be older than the last change
    const stored = await ask({ type: 'settings' });
    const base = (stored.ok && stored.value.sites[site]) || { mode: null, circle: null, strength: null };
    take(stored.ok ? await ask({ type: 'set-site', site, rule: { ...base, ...change } }) : stored);
  };
  const known = circles.map(({ id, label }) => ({ value: id, label }));
  const odd =
    rule?.circle && !circles.some(({ id }) => id === rule.circle)
      ? [
          {
            value: rule.circle,
            label: text(circlesProblem() ? 'common_circle_unseen' : 'common_circle_unknown'),
          },
        ]
      : [];
  const usual = { value: '', label: text('options_as_everywhere') };
  return element(
    'tr',
    { 'data-site': site },
    element(
      'td',
      {},
      name,
      permitted ? null : element('span', { class: 'small soft' }, text('options_not_permitted')),
    ),
    cell(
      `mode-${site}`,
      text('options_mode_of', name),
      [usual, ...MODES.map((value) => ({ value, label: text(`common_mode_${value}`) }))],
      rule?.mode ?? '',
      (value) => change({ mode: MODES.find((each) => each === value) ?? null }),
    ),
    cell(
      `circle-${site}`,
      text('options_circle_of', name),
      [usual, ...known, ...odd],
      rule?.circle ?? '',
      (value) => change({ circle: value || null }),
    ),
    cell(
      `strength-${site}`,
      text('options_strength_of', name),
      [usual, ...STRENGTHS.map((value) => ({ value, label: strengthWord(value) }))],
      rule?.strength ?? '',
      (value) => change({ strength: STRENGTHS.find((each) => each === value) ?? null }),
    ),
    element('td', {}, isPreset ? null : remover(site, name)),
  );
}

/**
 * @param {string} id
 * @param {string} label
 * @param {Entry[]} entries
 * @param {string} value
 * @param {(value: string) => void} onChange
 */
function cell(id, label, entries, value, onChange) {
  const list = element(
    'select',
    { 'aria-label': label, id },
    ...entries.map((each) => element('option', { value: each.value }, each.label)),
  );
  list.value = value;
  list.addEventListener('change', () => onChange(list.value));
  return element('td', {}, list);
}

/**
 * Forgets the rule and gives the permission back.
 * @param {string} site
 * @param {string} name
 */
function remover(site, name) {
  const made = button(
    '✕',
    async () => {
      // a site with a rule may never have been permitted; then there is nothing to give back
      await chrome.permissions.remove({ origins: [`${site}/*`] }).catch(() => false);
      await ask({ type: 'register-sites' });
      if (take(await ask({ type: 'set-site', site, rule: null }), null))
        announce(text('options_site_removed', name));
    },
    'plain remove',
  );
  made.setAttribute('aria-label', text('options_site_remove_named', name));
  return made;
}
