// @ts-check
/**
 * As much of the extension API as the background's services use, in memory. Import it before them.
 *
 * Only for what is decided without a browser; how browsers behave is tested in browsers.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

const ROOT = new URL('../../../', import.meta.url);

/** @param {string} path */
function json(path) {
  return JSON.parse(readFileSync(new URL(path, ROOT), 'utf8'));
}

const messages = json('_locales/en/messages.json');
export const manifest = json('manifest.json');

/** @returns {any} an event that tests fire with `fire(...)` */
function event() {
  /** @type {Function[]} */
  const listeners = [];
  return {
    addListener: (/** @type {Function} */ listener) => listeners.push(listener),
    fire: (/** @type {unknown[]} */ ...values) => listeners.forEach((listener) => listener(...values)),
  };
}

const onChanged = event();

/**
 * @param {string} area
 * @returns {any}
 */
function store(area) {
  /** @type {Record<string, unknown>} */
  let content = {};
  return {
    async get(/** @type {string | null} */ name) {
      const all = structuredClone(content);
      if (name === null) return all;
      return name in all ? { [name]: all[name] } : {};
    },
    async set(/** @type {Record<string, unknown>} */ values) {
      for (const [name, newValue] of Object.entries(structuredClone(values))) {
        const oldValue = content[name];
        content[name] = newValue;
        onChanged.fire({ [name]: { oldValue, newValue } }, area);
      }
    },
    async remove(/** @type {string | string[]} */ names) {
      for (const name of [names].flat()) delete content[name];
    },
    clear: () => {
      content = {};
    },
  };
}

/** What the browser has, for tests to set and look at. */
export const browser = {
  /** @type {Record<string, any>} */
  alarms: {},
  /** @type {string[]} */
  origins: [],
  /** @type {any[]} */
  scripts: [],
  /** @type {string[]} what was done to the scripts */
  calls: [],
  /** @type {any[]} */
  tabs: [],
  /** @type {{tab: number, message: any, frame: number | undefined}[]} */
  sent: [],
  /** What frames answer; throws: nobody there. @type {(tab: number, message: any, frame?: number) => unknown} */
  frames: () => {
    throw new Error('Receiving end does not exist.');
  },
  /** @type {Record<string, any>} by tab, '' for all others */
  buttons: {},
  /** @type {any[]} */
  opened: [],
};

/** @param {string} kind */
const button =
  (kind) =>
  async (/** @type {any} */ { tabId = '', ...value }) => {
    browser.buttons[tabId] = { ...browser.buttons[tabId], [kind]: Object.values(value)[0] };
  };

/** @type {any} */
const api = {
  i18n: {
    getMessage: (/** @type {string} */ key, /** @type {string[]} */ values = []) => {
      const { message = '', placeholders = {} } = messages[key] ?? {};
      const direct = message.replace(
        /\$(\w+)\$/g,
        (/** @type {string} */ _, /** @type {string} */ name) => placeholders[name.toLowerCase()].content,
      );
      return direct.replace(
        /\$(\d)/g,
        (/** @type {string} */ _, /** @type {string} */ at) => values[Number(at) - 1],
      );
    },
    getUILanguage: () => 'en',
  },
  runtime: {
    id: 'ermask',
    getManifest: () => structuredClone(manifest),
    getURL: (/** @type {string} */ path) => `chrome-extension://ermask/${path}`,
    getPlatformInfo: async () => ({ os: 'linux', arch: 'x86-64' }),
    onInstalled: event(),
    onStartup: event(),
  },
  storage: { local: store('local'), session: store('session'), onChanged },
  alarms: {
    onAlarm: event(),
    create: async (/** @type {string} */ name, /** @type {unknown} */ alarm) => {
      browser.alarms[name] = alarm;
    },
    clear: async (/** @type {string} */ name) => delete browser.alarms[name],
  },
  permissions: {
    onAdded: event(),
    onRemoved: event(),
    getAll: async () => ({ origins: [...browser.origins], permissions: [...manifest.permissions] }),
    contains: async (/** @type {{origins: string[]}} */ { origins }) =>
      origins.every((each) => browser.origins.includes(each)),
  },
  scripting: {
    getRegisteredContentScripts: async () => structuredClone(browser.scripts),
    registerContentScripts: async (/** @type {any[]} */ scripts) => {
      browser.calls.push('register');
      browser.scripts.push(...structuredClone(scripts));
    },
    updateContentScripts: async (/** @type {any[]} */ scripts) => {
      browser.calls.push('update');
      browser.scripts = browser.scripts.map((old) => scripts.find(({ id }) => id === old.id) ?? old);
    },
    unregisterContentScripts: async (/** @type {{ids: string[]}} */ { ids }) => {
      browser.calls.push('unregister');
      browser.scripts = browser.scripts.filter(({ id }) => !ids.includes(id));
    },
    executeScript: async () => {
      throw new Error('Cannot access contents of the page.');
    },
  },
  tabs: {
    onRemoved: event(),
    query: async () => structuredClone(browser.tabs),
    get: async (/** @type {number} */ id) => {
      const tab = browser.tabs.find((each) => each.id === id);
      if (!tab) throw new Error(`No tab with id: ${id}.`);
      return structuredClone(tab);
    },
    create: async (/** @type {unknown} */ tab) => browser.opened.push(tab),
    sendMessage: async (
      /** @type {number} */ tab,
      /** @type {any} */ message,
      /** @type {any} */ { frameId } = {},
    ) => {
      browser.sent.push({ tab, message, frame: frameId });
      return browser.frames(tab, message, frameId);
    },
  },
  action: {
    setIcon: button('icon'),
    setTitle: button('title'),
    setBadgeText: button('badge'),
    setBadgeBackgroundColor: button('colour'),
    setBadgeTextColor: button('textColour'),
  },
};

Object.assign(globalThis, { chrome: api });
// Node 20 has none
Object.defineProperty(globalThis, 'navigator', {
  value: { userAgent: 'Mozilla/5.0 (fake)' },
  configurable: true,
});

/** The browser is started anew: what is only kept for a session is gone, and so are the tabs. */
export function restart() {
  api.storage.session.clear();
  Object.assign(browser, { tabs: [], sent: [], buttons: {}, opened: [] });
}

/** Let all that was started without waiting for it come to its end. */
export async function settle() {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * A module as it is at the start of another life of the background, without anything in its memory.
 * @param {string} name  of a file in extension/background
 * @returns {Promise<any>}
 */
export function anew(name) {
  return import(new URL(`extension/background/${name}?${crypto.randomUUID()}`, ROOT).href);
}
