// @ts-check
/**
 * What the parts of the extension say to each other: one type per message, one answer per type.
 *
 * Sent with `runtime.sendMessage` as structured clones, so photos travel as Blobs. Content scripts may send the
 * messages of `FromFrame` only, the extension's own pages those of `FromPage` and `FromFrame`.
 * Every request is answered `{ok: true, value}` or `{ok: false, problem}`; none rejects, but for a background that
 * died, and then sending again is right: the daemon does nothing twice.
 *
 * @module
 */

/** @typedef {'always' | 'ask' | 'never'} Mode  what happens to photos on a site */
/** @typedef {'low' | 'mid' | 'high'} Strength */

/**
 * A failure a person can read. `code` is one of the daemon's (docs/protocol.md, Errors) or of `CODES` below.
 * `likely` is the id of the circle whose key it most likely is.
 * @typedef {{code: string, title: string, detail: string, hint: string | null, retryAfter?: number,
 *   likely?: string}} Problem
 */

/** Codes of the extension itself, beside the daemon's. */
export const CODES = /** @type {const} */ ([
  'daemon_down', // nothing answers on the port
  'not_paired', // no pairing yet, or the daemon has forgotten it
  'wrong_daemon', // something answers, but it is not the paired daemon: nothing was sent to it
  'daemon_too_old', // the daemon speaks another version
  'no_circle', // no circle is chosen, or there is none yet
  'timeout',
  'cancelled',
  'extension_reloaded', // the page holds an older copy of the extension
  'no_access', // the picture's site is not permitted; `detail` is the origin to ask for
  'picture_gone', // the picture could not be fetched
  'bad_settings', // settings that do not make sense, such as an imported file; `detail` names the entry
]);

/**
 * @typedef {{box: [number, number, number, number], score: number, width: number, changed: boolean, reason: string | null}} Face
 * @typedef {{circle_id: string, label: string, score: number, threshold: number, fits: boolean, strength: Strength | null}} Match
 * @typedef {{found: number, changed: number, faces: Face[], matches: Match[], ms: Record<string, number>, provider: string}} Result
 * @typedef {{id: string, label: string, created: string, fingerprint: string}} Circle
 */

/**
 * How a frame treats photos. `active` false: nothing is held, the page works as without the extension.
 * @typedef {{active: boolean, mode: Mode, circle: string | null, circleLabel: string | null, strength: Strength,
 *            noFace: 'pass' | 'stop', strict: 'off' | 'warn' | 'block'}} Policy
 */

/**
 * What a tab has seen since it was loaded; counts only.
 * @typedef {{working: number, protected: number, passed: number, failed: number, originals: number}} Tally
 */

/** @typedef {'ready' | 'paused' | 'not_paired' | 'daemon_down' | 'wrong_daemon' | 'locked' | 'no_circle'} DaemonState */

/**
 * The daemon as the background last saw it. `status` is the body of `/v1/status`.
 * @typedef {{state: DaemonState, problem: Problem | null, port: number, label: string | null, pairedAt: string | null,
 *            status: Record<string, any> | null}} Daemon
 */

/**
 * From content scripts.
 * @typedef {(
 *   {type: 'policy'} |
 *   {type: 'protect', id: string, photo: Blob, circle?: string, strength?: Strength} |
 *   {type: 'cancel', id: string} |
 *   {type: 'outcome', kind: 'protected' | 'passed' | 'failed' | 'original' | 'unseen', count: number} |
 *   {type: 'open', page: 'onboarding' | 'options' | 'popup'} |
 *   {type: 'unseen', sent: number, kept: number} |
 *   {type: 'chip-view', id: string, view: any} |
 *   {type: 'chip-pictures', id: string, pairs: any[]} |
 *   {type: 'chip-press', frame: number, id: string, action: string, index: number | null}
 * )} FromFrame
 * `unseen` tells the top frame of pictures that ermask has not seen: those that left, and those that were kept back.
 * The last three carry the chip of a frame that is too small for it to the top frame, and presses back; `view` is a `View` of
 * content/frame/views.js, or null to take it away; `pairs` are `Pair`s of content/frame/chip_pictures.js.
 */

/**
 * From the extension's own pages.
 * @typedef {(
 *   {type: 'daemon'} |
 *   {type: 'pair', code: string, port?: number} |
 *   {type: 'unpair'} |
 *   {type: 'circles'} |
 *   {type: 'new-circle', label: string} |
 *   {type: 'import-key', label: string, text?: string, file?: Blob, passphrase?: string} |
 *   {type: 'site', tab: number} |
 *   {type: 'set-site', site: string, rule: SiteRule | null} |
 *   {type: 'register-sites'} |
 *   {type: 'settings'} |
 *   {type: 'set-settings', settings: Settings} |
 *   {type: 'pause', until: number | null} |
 *   {type: 'fetch-picture', source: PictureSource} |
 *   {type: 'restore', id: string, photo: Blob, circle: string | null, force: boolean} |
 *   {type: 'inspect', id: string, photo: Blob, circle: string | null} |
 *   {type: 'show-in-page', source: PictureSource, photo: Blob} |
 *   {type: 'diagnostics'}
 * )} FromPage
 */

/** @typedef {FromFrame | FromPage} Request */

/**
 * Where a picture that was right-clicked lies. `data:` and `blob:` addresses, and pictures behind a log-in, are read in the frame itself.
 * @typedef {{url: string, tab: number, frame: number}} PictureSource
 */

/** @typedef {{mode: Mode | null, circle: string | null, strength: Strength | null}} SiteRule  null: as everywhere */

/**
 * In `storage.local` under the name `settings`. `pausedUntil`: milliseconds since 1970, Infinity is written as 8.64e15.
 * @typedef {{version: 1, mode: Mode, circle: string | null, strength: Strength, noFace: 'pass' | 'stop',
 *            strict: 'off' | 'warn' | 'block', pausedUntil: number | null, sites: Record<string, SiteRule>}} Settings
 */

/**
 * A tab's site for the popup. `site` is the key in `Settings.sites`: a preset's name, or an origin. `permitted`: content scripts may run
 * there; `pattern` is what to ask for where they may not. `possible` false: a page no extension may touch.
 * @typedef {{site: string, name: string, preset: boolean, possible: boolean, permitted: boolean, pattern: string, rule: SiteRule | null,
 *            policy: Policy, tally: Tally}} Site
 */

/**
 * What each request is answered with.
 * @typedef {object} Answers
 * @property {Policy} policy
 * @property {{photo: Blob, result: Result}} protect
 * @property {null} cancel
 * @property {null} outcome
 * @property {null} open
 * @property {{shown: boolean}} unseen  false where the top frame is not ours
 * @property {{shown: boolean}} chip-view  false where the top frame is not ours
 * @property {null} chip-pictures
 * @property {null} chip-press
 * @property {Daemon} daemon
 * @property {Daemon} pair
 * @property {Daemon} unpair
 * @property {Circle[]} circles
 * @property {Circle} new-circle
 * @property {Circle} import-key
 * @property {Site} site
 * @property {Settings} set-site
 * @property {string[]} register-sites
 * @property {Settings} settings
 * @property {Settings} set-settings
 * @property {Settings} pause
 * @property {{photo: Blob, name: string}} fetch-picture
 * @property {{photo: Blob, result: Result}} restore
 * @property {Result} inspect
 * @property {null} show-in-page
 * @property {{text: string}} diagnostics
 */

/** @template T @typedef {{ok: true, value: T} | {ok: false, problem: Problem}} Answer */

/**
 * Pushed by the background to content scripts. `read-picture` is answered `{photo: Blob | null}`, null where the frame cannot
 * read it; `show-restored` is answered `{shown: boolean}`, false where the picture is gone from the page.
 * @typedef {(
 *   {type: 'policy-changed', policy: Policy} |
 *   {type: 'show-restored', url: string, photo: Blob} |
 *   {type: 'read-picture', url: string} |
 *   {type: 'unseen', frame: number, sent: number, kept: number} |
 *   {type: 'chip-view', frame: number, id: string, view: any} |
 *   {type: 'chip-pictures', frame: number, id: string, pairs: any[]} |
 *   {type: 'chip-press', id: string, action: string, index: number | null}
 * )} ToFrame
 */

/**
 * Send one request to the background.
 * @template {Request['type']} T
 * @param {Extract<Request, {type: T}>} request
 * @returns {Promise<Answer<Answers[T]>>}
 */
export function ask(request) {
  return chrome.runtime.sendMessage(request);
}
