// @ts-check
/**
 * What this browser is called in the daemon's list of clients.
 *
 * @module
 */

/** @type {Record<string, string>} */
const SYSTEMS = {
  android: 'Android', cros: 'ChromeOS', linux: 'Linux', mac: 'macOS', openbsd: 'OpenBSD', win: 'Windows',
};

/** @returns {Promise<string>} such as `Firefox on Linux` */
export async function browserLabel() {
  const { os } = await chrome.runtime.getPlatformInfo();
  return `${await browserName()} on ${SYSTEMS[os] ?? os}`;
}

async function browserName() {
  const { getBrowserInfo } = /** @type {{getBrowserInfo?: () => Promise<{name: string}>}} */ (
    /** @type {unknown} */ (chrome.runtime)
  );
  if (getBrowserInfo) return (await getBrowserInfo()).name;
  const { userAgentData } = /** @type {{userAgentData?: {brands: {brand: string}[]}}} */ (
    /** @type {unknown} */ (navigator)
  );
  const brands = userAgentData?.brands.map(({ brand }) => brand) ?? [];
  // besides its own name a browser gives Chromium's, and one that means nothing
  const isOwn = (/** @type {string} */ brand) => brand !== 'Chromium' && !/not.*brand/i.test(brand);
  return brands.find(isOwn) ?? 'Chromium';
}
