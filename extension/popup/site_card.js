// @ts-check
/**
 * This tab's site: the switch and its rule, or the way to permit it.
 *
 * @module
 */

import { ask } from '../shared/asking.js';
import { element, find, choose, onChoice, part } from '../shared/elements.js';
import { text } from '../shared/text.js';
import { isPaused } from './pause.js';
import { strengthWord } from '../shared/result_words.js';

/** @typedef {import('../shared/messages.js').Site} Site */
/** @typedef {import('../shared/messages.js').SiteRule} SiteRule */
/** @typedef {import('../shared/messages.js').Settings} Settings */
/** @typedef {import('../shared/messages.js').Circle} Circle */
/** @typedef {import('../shared/messages.js').Mode} Mode */
/** @typedef {import('../shared/messages.js').Problem} Problem */

const STRENGTHS = /** @type {const} */ (['low', 'mid', 'high']);

/** What the popup shows; the rule is changed from here. @type {{site: Site, settings: Settings} | null} */
let shown = null;
/** Null while they are not known. @type {Circle[] | null} */
let circles = null;

/**
 * @param {Site} site
 * @param {Settings} settings
 */
export async function showSite(site, settings) {
  shown = { site, settings };
  // while the daemon is away, the circles are not known; what is chosen stays as it is
  const answer = await ask({ type: 'circles' });
  if (answer.ok) circles = answer.value;
  part('#site-card').hidden = !site.possible || !site.permitted;
  part('#grant-card').hidden = !site.possible || site.permitted;
  part('#impossible-card').hidden = site.possible;
  part('#grant-name').textContent = site.name;
  part('#grant').textContent = text('popup_grant', originOf(site.pattern));
  part('#site-name').textContent = site.name;
  showRule(site, settings);
}

/** @param {string} pattern */
function originOf(pattern) {
  return pattern.replace(/\/\*$/, '').replace(/^https:\/\//, '');
}

/**
 * @param {Site} site
 * @param {Settings} settings
 */
function showRule(site, settings) {
  const { rule } = site;
  const mode = rule?.mode ?? settings.mode;
  find('#site-on', HTMLInputElement).checked = mode !== 'never';
  part('#site-does').textContent = does(mode, site, settings);
  part('#site-mode').hidden = mode === 'never';
  part('#site-rule').hidden = mode === 'never';
  choose('mode', mode);

  fillCircles(site, settings);
  const strengths = STRENGTHS.map((value) => ({ value, label: strengthWord(value) }));
  fill(
    '#site-strength',
    text('popup_as_everywhere', strengthWord(settings.strength)),
    strengths,
    rule?.strength ?? '',
  );
}

/**
 * What happens to photos here, as far as the site decides it; the daemon has a card of its own.
 * @param {Mode} mode
 * @param {Site} site
 * @param {Settings} settings
 */
function does(mode, { rule }, settings) {
  if (isPaused(settings)) return text('popup_does_paused');
  const held = mode !== 'never' && circles !== null && !(rule?.circle ?? usualCircle(settings));
  return text(held ? 'popup_does_no_circle' : `popup_does_${mode}`);
}

/** With a single circle there is nothing to choose. @param {Settings} settings */
function usualCircle(settings) {
  return settings.circle ?? (circles?.length === 1 ? (circles[0]?.id ?? null) : null);
}

/**
 * @param {Site} site
 * @param {Settings} settings
 */
function fillCircles({ rule, policy }, settings) {
  const known = circles ?? [];
  const labelOf = (/** @type {string | null} */ id) =>
    known.find((each) => each.id === id)?.label ??
    (id !== null && id === policy.circle ? policy.circleLabel : null);
  const chosen = rule?.circle ?? null;
  const unnamed = text(circles ? 'common_circle_unknown' : 'common_circle_unseen');
  const entries = known.map(({ id, label }) => ({ value: id, label }));
  if (chosen && !known.some(({ id }) => id === chosen))
    entries.push({ value: chosen, label: labelOf(chosen) ?? unnamed });
  const usual = usualCircle(settings);
  const usually = usual ? (labelOf(usual) ?? unnamed) : text('common_circle_none');
  fill('#site-circle', text('popup_as_everywhere', usually), entries, chosen ?? '');
}

/**
 * @param {string} selector
 * @param {string} usual
 * @param {{value: string, label: string}[]} entries
 * @param {string} value
 */
function fill(selector, usual, entries, value) {
  const list = find(selector, HTMLSelectElement);
  list.replaceChildren(
    ...[{ value: '', label: usual }, ...entries].map((each) =>
      element('option', { value: each.value }, each.label),
    ),
  );
  list.value = value;
}

/** @param {{say: (problem: Problem | null) => void, changed: () => void, tab: number}} actions */
export function readyRule({ say, changed, tab }) {
  /** @param {Partial<SiteRule>} change */
  const change = async (change) => {
    if (shown === null) return;
    const { site } = shown;
    const rule = { mode: null, circle: null, strength: null, ...site.rule, ...change };
    const answer = await ask({ type: 'set-site', site: site.site, rule });
    say(answer.ok ? null : answer.problem);
    if (answer.ok) changed();
  };
  const on = find('#site-on', HTMLInputElement);
  on.addEventListener('change', () => {
    const usual = shown?.settings.mode === 'ask' ? 'ask' : 'always';
    void change({ mode: on.checked ? usual : 'never' });
  });
  onChoice('mode', (mode) => void change({ mode: /** @type {Mode} */ (mode) }));
  const circle = find('#site-circle', HTMLSelectElement);
  circle.addEventListener('change', () => void change({ circle: circle.value || null }));
  const strength = find('#site-strength', HTMLSelectElement);
  strength.addEventListener('change', () => {
    const chosen = STRENGTHS.find((each) => each === strength.value) ?? null;
    void change({ strength: chosen });
  });

  part('#grant').addEventListener('click', async () => {
    if (shown === null) return;
    // at once: after an await it would no longer count as the user's click
    const granted = await chrome.permissions.request({ origins: [shown.site.pattern] });
    if (!granted) return;
    // "on" whatever is usual elsewhere
    await change({ mode: (shown.site.rule?.mode ?? shown.settings.mode) === 'ask' ? 'ask' : 'always' });
    const answer = await ask({ type: 'register-sites' });
    say(answer.ok ? null : answer.problem);
    part('#reload-card').hidden = !answer.ok;
    changed();
  });
  part('#reload').addEventListener('click', async () => {
    await chrome.tabs.reload(tab);
    window.close();
  });
}
