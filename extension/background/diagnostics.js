// @ts-check
/**
 * A report to copy when something does not work. Versions, counts and codes; never photos, addresses, sites'
 * names, circles' labels or the token.
 *
 * @module
 */

import * as daemon from './daemon.js';
import { inTurn } from './in_turn.js';
import * as circles from './known_circles.js';
import * as settings from './settings.js';
import * as sites from './sites.js';

/** @typedef {import('../shared/messages.js').Daemon} Daemon */
/** @typedef {import('../shared/messages.js').Settings} Settings */

const PROBLEMS = 'problems';
const MOST_PROBLEMS = 20;
const MODES = ['always', 'ask', 'never', 'usual'];

const queue = inTurn();

/**
 * Remember that a request failed.
 * @param {string} type  of the request
 * @param {string} code
 */
export function note(type, code) {
  return queue(async () => {
    const entry = `${new Date().toISOString().slice(0, 19)}Z ${type} ${code}`;
    await chrome.storage.session.set({ [PROBLEMS]: [...(await problems()), entry].slice(-MOST_PROBLEMS) });
  });
}

/** @returns {Promise<string[]>} */
async function problems() {
  const { [PROBLEMS]: kept } = await chrome.storage.session.get(PROBLEMS);
  return /** @type {string[] | undefined} */ (kept) ?? [];
}

/** @param {number | null} until */
function pauseWords(until) {
  if (until === null) return 'not paused';
  return until === settings.FOREVER ? 'paused' : `paused until ${new Date(until).toISOString()}`;
}

/** @param {Settings} now */
function settingsLines({ mode, circle, strength, noFace, strict, pausedUntil, sites: rules }) {
  const modes = Object.values(rules).map((rule) => rule.mode ?? 'usual');
  const counts = MODES.map((each) => `${each} ${modes.filter((one) => one === each).length}`);
  return [
    `mode ${mode}, strength ${strength}, no face ${noFace}, strict ${strict}`,
    `circle ${circle === null ? 'not chosen' : 'chosen'}, ${pauseWords(pausedUntil)}`,
    `rules of sites: ${counts.join(', ')}`,
  ];
}

/** @param {Daemon} now */
function daemonLines({ state, problem, port, pairedAt, status }) {
  const providers = Object.entries(status?.providers ?? {}).map(([role, provider]) => `${role} ${provider}`);
  const queued = Object.entries(status?.queue ?? {}).map(([name, count]) => `${name} ${count}`);
  return [
    `state ${state}${problem ? ` (${problem.code})` : ''}, port ${port}, paired ${pairedAt ?? 'no'}`,
    `version ${status?.version ?? 'unknown'}, contract ${status?.contract ?? 'unknown'}`,
    ...(providers.length ? [`runs on ${providers.join(', ')}`] : []),
    ...(queued.length ? [`queue: ${queued.join(', ')}`] : []),
  ];
}

/** How many of the manifest's sites are permitted, and how many others. */
async function accessLines() {
  const manifest = chrome.runtime.getManifest();
  const own = new Set(/** @type {string[] | undefined} */ (manifest.host_permissions));
  const { origins = [], permissions = [] } = await chrome.permissions.getAll();
  const given = origins.filter((each) => own.has(each)).length;
  const registered = await sites.registered();
  return [
    permissions.toSorted().join(', '),
    `sites of the manifest ${given} of ${own.size}, others ${origins.length - given}`,
    `registered ${registered.length}`,
  ];
}

/** @returns {Promise<string>} */
async function platform() {
  const { os, arch } = await chrome.runtime.getPlatformInfo();
  return `${os} ${arch}`;
}

/**
 * @param {string} title
 * @param {string[]} lines
 */
function section(title, lines) {
  return [title, ...lines.map((line) => `  ${line}`)];
}

/** @returns {Promise<string>} in English, as it is read by those who help */
async function report() {
  const [now, access, machine, seen, known, failed] = await Promise.all([
    settings.read(), accessLines(), platform(), daemon.state(), circles.known(), problems(),
  ]);
  return [
    ...section('ermask', [`version ${chrome.runtime.getManifest().version}`]),
    ...section('browser', [navigator.userAgent, machine, `language ${chrome.i18n.getUILanguage()}`]),
    ...section('permissions', access),
    ...section('daemon', [...daemonLines(seen), `circles ${known.length}`]),
    ...section('settings', settingsLines(now)),
    ...section('last problems', failed.length ? failed : ['none']),
  ].join('\n');
}

export const handlers = {
  diagnostics: async () => ({ text: await report() }),
};
