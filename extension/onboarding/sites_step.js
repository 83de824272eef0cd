// @ts-check
/**
 * Which sites are on, whether the browser permits it, and where the toolbar button is.
 *
 * @module
 */

import { ask } from '../shared/asking.js';
import { button, element, part } from '../shared/elements.js';
import { notice, problemNotice } from '../shared/notice.js';
import { presetAccess, requestAccess } from '../shared/site_access.js';
import { text } from '../shared/text.js';

export function readySites() {
  part('#finish').addEventListener('click', async () => {
    const tab = await chrome.tabs.getCurrent();
    if (tab?.id !== undefined) await chrome.tabs.remove(tab.id);
  });
  part('#to-options').addEventListener('click', () => void chrome.runtime.openOptionsPage());
}

export async function showSites() {
  const [access, settings] = await Promise.all([presetAccess(), ask({ type: 'settings' })]);
  const usual = settings.ok ? settings.value.mode : 'always';
  const rules = settings.ok ? settings.value.sites : {};
  part('#sites-list').replaceChildren(
    ...access.map(({ site, name, permitted }) => {
      const isOn = permitted && (rules[site]?.mode ?? usual) !== 'never';
      return element(
        'li',
        { class: isOn ? 'on' : 'off' },
        element('span', { class: 'mark', 'aria-hidden': 'true' }, isOn ? '✓' : '–'),
        name,
        element('span', { class: 'unseen' }, text(isOn ? 'onboarding_site_on' : 'onboarding_site_off')),
      );
    }),
  );
  const missing = access.filter(({ permitted }) => !permitted);
  part('#sites-missing').replaceChildren(...(missing.length ? [repair(missing)] : []));
  await showPin();
}

/** @param {import('../shared/site_access.js').Access[]} missing */
function repair(missing) {
  const origins = missing.flatMap((each) => each.origins);
  const give = button(
    text('onboarding_sites_permit'),
    async () => {
      const granted = await requestAccess(origins);
      const answer = granted ? await ask({ type: 'register-sites' }) : null;
      await showSites();
      if (answer && !answer.ok) part('#sites-missing').append(problemNotice(answer.problem));
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

async function showPin() {
  const { isOnToolbar = false } = (await chrome.action.getUserSettings?.()) ?? {};
  const browser = navigator.userAgent.includes('Firefox') ? 'firefox' : 'chrome';
  part('#pin-how').textContent = text(isOnToolbar ? 'onboarding_pinned' : `onboarding_pin_${browser}`);
}
