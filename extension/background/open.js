// @ts-check
/**
 * Opening the extension's own pages.
 *
 * @module
 */

/** @typedef {'onboarding' | 'options' | 'popup'} Page */

/**
 * A page in a tab of its own, or the tab that has it already.
 * @param {string} path
 */
async function openTab(path) {
  const url = chrome.runtime.getURL(path);
  const open = await tabWith(url);
  if (open === null) await chrome.tabs.create({ url });
  else {
    const { windowId } = await chrome.tabs.update(open, { active: true }) ?? {};
    if (windowId !== undefined) await chrome.windows.update(windowId, { focused: true });
  }
}

/**
 * Chrome does not tell the addresses of tabs without a permission for that, not even of our own pages, but
 * which of them are open; Firefox does the former.
 * @param {string} url
 * @returns {Promise<number | null>}
 */
async function tabWith(url) {
  if (chrome.runtime.getContexts) {
    const pages = await chrome.runtime.getContexts({ contextTypes: [chrome.runtime.ContextType.TAB] });
    return pages.find(({ documentUrl }) => documentUrl?.split('#')[0] === url)?.tabId ?? null;
  }
  const [tab] = await chrome.tabs.query({ url: `${url}*` });
  return tab?.id ?? null;
}

/**
 * The popup below the button; as a tab where the browser does not let us open it without a click on the
 * button.
 * @param {number | undefined} tab  that it is about
 */
async function openPopup(tab) {
  try {
    await chrome.action.openPopup();
  } catch {
    await chrome.tabs.create({ url: chrome.runtime.getURL(`extension/popup/popup.html#tab=${tab ?? ''}`) });
  }
}

/** Listen; to be called while the background starts. */
export function register() {
  chrome.runtime.onInstalled.addListener(({ reason }) => {
    if (reason === 'install') void openTab('extension/onboarding/onboarding.html');
  });
}

export const handlers = {
  /**
   * @param {{page: Page}} request
   * @param {{tab?: {id?: number}}} sender
   */
  async open({ page }, sender) {
    if (page === 'onboarding') await openTab('extension/onboarding/onboarding.html');
    else if (page === 'options') await chrome.runtime.openOptionsPage();
    else if (page === 'popup') await openPopup(sender.tab?.id);
    return null;
  },
};
