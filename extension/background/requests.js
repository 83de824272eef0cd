// @ts-check
/**
 * One HTTP request to whatever listens on the port, and its answer as bytes. Trusts nobody.
 *
 * @module
 */

import { Failure } from './failure.js';

/** @typedef {{status: number, headers: Headers, bytes: Uint8Array<ArrayBuffer>}} Reply */

/**
 * `json` becomes the body. `limit`: milliseconds until the whole answer must be there; `longest`: its bytes.
 * @typedef {{json?: unknown, body?: Uint8Array<ArrayBuffer>, headers?: Record<string, string>,
 *            signal?: AbortSignal, limit?: number, longest?: number}} Content
 */

/** Below the 30 s after which Chrome ends a worker whose request is not answered. */
export const LIMIT_MS = 28_000;
const LONGEST_JSON = 2 ** 20;
/** Permissions know no ports. */
const DAEMON_PATTERN = 'http://127.0.0.1/*';

/** The codes whose `detail` says what our own texts cannot, such as a label or a file; it is in English. */
const TELLING = [
  'bad_label', 'bad_request', 'circle_exists', 'contract_mismatch', 'detector_missing', 'inference_failed',
  'key_store_corrupt', 'key_store_locked', 'model_corrupt', 'model_missing', 'provider_missing',
  'runtime_missing', 'storage_failed',
];

/**
 * @param {number} port
 * @param {string} path
 * @param {Content} [content]
 * @returns {Promise<Reply>}
 * @throws {Failure} daemon_down, timeout, cancelled, no_access; wrong_daemon for what no daemon answers
 */
export async function post(port, path, content = {}) {
  const { json, headers, signal, limit = LIMIT_MS, longest = LONGEST_JSON } = content;
  const clock = AbortSignal.timeout(limit);
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { ...headers, 'X-ErMask': '1' },
      body: json === undefined ? content.body : JSON.stringify(json),
      signal: signal ? AbortSignal.any([signal, clock]) : clock,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'manual',
      referrerPolicy: 'no-referrer',
    });
    const { status } = response;
    // a redirect shows as 0; the daemon has none
    if (status < 200 || (status >= 300 && status < 400)) throw new Failure('wrong_daemon');
    return { status, headers: response.headers, bytes: await read(response, longest) };
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (signal?.aborted) throw new Failure('cancelled', { cause: error });
    if (clock.aborted) throw new Failure('timeout', { cause: error });
    throw await unreached(error);
  }
}

/**
 * Firefox's users can take back what the manifest asks for; then every request fails as if nothing answered.
 * @param {unknown} cause
 */
async function unreached(cause) {
  const permitted = await chrome.permissions.contains({ origins: [DAEMON_PATTERN] });
  if (permitted) return new Failure('daemon_down', { cause });
  return new Failure('no_access', { detail: DAEMON_PATTERN, cause });
}

/**
 * @param {Response} response
 * @param {number} longest
 */
async function read(response, longest) {
  /** @type {Uint8Array[]} */
  const pieces = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done || !value) break;
    size += value.length;
    if (size > longest) {
      await reader?.cancel();
      throw new Failure('wrong_daemon');
    }
    pieces.push(value);
  }
  const all = new Uint8Array(size);
  pieces.reduce((at, piece) => {
    all.set(piece, at);
    return at + piece.length;
  }, 0);
  return all;
}

/**
 * The object or list in an answer.
 * @param {Reply} reply
 * @returns {any} null for anything else
 */
export function jsonOf({ headers, bytes }) {
  if (!/^application\/(problem\+)?json\b/.test(headers.get('Content-Type') ?? '')) return null;
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/**
 * The daemon's refusal, or null when the answer is not one in the daemon's form.
 * @param {Reply} reply
 * @returns {Failure | null}
 */
export function refusalOf(reply) {
  const problem = reply.status < 400 ? null : jsonOf(reply);
  if (typeof problem?.code !== 'string' || !/^[a-z_]{1,40}$/.test(problem.code)) return null;
  const wait = Number(reply.headers.get('Retry-After') ?? NaN);
  return new Failure(problem.code, {
    detail: detailOf(problem).slice(0, 500),
    retryAfter: Number.isFinite(wait) && wait >= 0 ? wait : undefined,
    likely: typeof problem.likely === 'string' ? problem.likely : undefined,
  });
}

/** @param {any} problem */
function detailOf({ code, detail, request }) {
  const entry = code === 'internal' && request ? String(request) : null;
  if (entry) return chrome.i18n.getMessage('problem_internal_entry', entry);
  return TELLING.includes(code) ? String(detail ?? '') : '';
}
