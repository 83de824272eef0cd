// @ts-check
/**
 * The sites that ermask works on without being asked, and the name a site has in the settings.
 *
 * Several hosts can be one site. Any other site is its origin. `tests/test_extension_package.py` keeps this
 * list and the manifest's the same.
 *
 * @module
 */

/**
 * A host that begins with `*.` stands for the host and all below it, as in match patterns.
 * @type {readonly {site: string, name: string, hosts: readonly string[]}[]}
 */
export const PRESETS = [
  { site: 'x', name: 'X', hosts: ['x.com', 'twitter.com'] },
  { site: 'facebook', name: 'Facebook', hosts: ['www.facebook.com', 'm.facebook.com'] },
  { site: 'instagram', name: 'Instagram', hosts: ['www.instagram.com'] },
  { site: 'threads', name: 'Threads', hosts: ['www.threads.com', 'www.threads.net'] },
  { site: 'linkedin', name: 'LinkedIn', hosts: ['www.linkedin.com'] },
  { site: 'reddit', name: 'Reddit', hosts: ['www.reddit.com', 'old.reddit.com'] },
  { site: 'tiktok', name: 'TikTok', hosts: ['www.tiktok.com'] },
  { site: 'bluesky', name: 'Bluesky', hosts: ['bsky.app'] },
  { site: 'mastodon', name: 'Mastodon', hosts: ['mastodon.social', 'mastodon.online'] },
  { site: 'discord', name: 'Discord', hosts: ['discord.com'] },
  { site: 'whatsapp', name: 'WhatsApp', hosts: ['web.whatsapp.com'] },
  { site: 'tumblr', name: 'Tumblr', hosts: ['www.tumblr.com'] },
  { site: 'pinterest', name: 'Pinterest', hosts: ['*.pinterest.com'] },
  { site: 'vk', name: 'VK', hosts: ['vk.com', 'vk.ru'] },
];

/**
 * The preset that an address belongs to.
 * @param {URL} url
 */
function presetOf(url) {
  if (url.protocol !== 'https:') return undefined;
  return PRESETS.find((preset) => preset.hosts.some((host) => hostFits(host, url.hostname)));
}

/**
 * @param {string} host  perhaps with `*.` before it
 * @param {string} hostname
 */
export function hostFits(host, hostname) {
  if (!host.startsWith('*.')) return host === hostname;
  return hostname === host.slice(2) || hostname.endsWith(host.slice(1));
}

/**
 * The name in the settings of the site that an address or origin belongs to; null for what is no web page.
 * @param {string | undefined} address
 * @returns {string | null}
 */
export function siteOf(address) {
  const url = webAddress(address);
  return url && (presetOf(url)?.site ?? url.origin);
}

/**
 * The name of a site for people: a preset's, else the host.
 * @param {string} site
 */
export function nameOf(site) {
  return PRESETS.find((preset) => preset.site === site)?.name ?? site.replace(/^https?:\/\//, '');
}

/** @param {string} site */
export function isPreset(site) {
  return PRESETS.some((preset) => preset.site === site);
}

/**
 * @param {string | undefined} address
 * @returns {URL | null} null unless it is http or https
 */
export function webAddress(address) {
  if (!address || !URL.canParse(address)) return null;
  const url = new URL(address);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : null;
}
