// @ts-check
/**
 * What hostile pages do. These functions run in web pages: they stand alone.
 *
 * @module
 */

/**
 * All events that a photo can come with, made by the page itself.
 * @param {string} base64 a photo
 * @returns {Promise<string[]>} what was tried
 */
export async function forgeEvents(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], 'photo.jpg', { type: 'image/jpeg' }));
  const input = document.createElement('input');
  input.type = 'file';
  document.body.append(input);
  input.files = transfer.files;
  const tried = [];
  for (const type of ['change', 'input']) {
    input.dispatchEvent(new Event(type, { bubbles: true, composed: true }));
    tried.push(type);
  }
  document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, dataTransfer: transfer }));
  tried.push('drop');
  document.body.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, clipboardData: transfer }));
  tried.push('paste');
  input.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  tried.push('click');
  const detached = document.createElement('input');
  detached.type = 'file';
  detached.click();
  detached.files = transfer.files;
  detached.dispatchEvent(new Event('change'));
  tried.push('detached');
  return tried;
}

/**
 * Send pictures that nobody has chosen, from this frame and from others that are large enough for a card. Each
 * frame waits for its last picture to be gone: a slow machine gets a slow flood, not one that it drowns in.
 */
export async function sendWithoutEnd() {
  const frames = Array.from({ length: 4 }, () => {
    const frame = document.createElement('iframe');
    Object.assign(frame, { src: '/blank_frame.html', width: 400, height: 300 });
    return frame;
  });
  document.body.append(...frames);
  await Promise.all(frames.map((frame) => new Promise((resolve) => frame.addEventListener('load', resolve))));
  /** @param {Window | null} each */
  async function send(each) {
    for (;;) {
      const body = new Blob([new Uint8Array(20_000)], { type: 'image/png' });
      await each?.fetch('/nowhere', { method: 'POST', body }).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  for (const each of [window, ...frames.map(({ contentWindow }) => contentWindow)]) void send(each);
}

/**
 * Everything a page can do to reach a server on this machine.
 * @param {string} daemon its origin
 * @returns {Promise<{read: string[], tried: number}>} what could be read of an answer; how much was tried
 */
export async function callTheDaemon(daemon) {
  /** @type {string[]} */
  const read = [];
  let tried = 0;
  /** @param {string} what @param {() => Promise<string | null>} attempt */
  async function attempt(what, attempt) {
    tried += 1;
    // a browser may keep a request waiting for a permission that nobody gives
    const limit = new Promise((resolve) => setTimeout(resolve, 3000, null));
    const got = await Promise.race([attempt().catch(() => null), limit]);
    if (got !== null && got !== '') read.push(`${what}: ${got}`);
  }
  /** @param {string} path @param {RequestInit} [how] */
  const text = (path, how) => async () => {
    const response = await fetch(daemon + path, how);
    return response.type === 'opaque' ? null : `${response.status} ${await response.text()}`;
  };
  const marked = { 'X-ErMask': '1' };
  await attempt('GET', text('/healthz'));
  await attempt('no-cors', text('/healthz', { mode: 'no-cors' }));
  await attempt('hello', text('/v1/hello', { method: 'POST', body: '{}', headers: marked }));
  await attempt('simple POST', text('/v1/hello', { method: 'POST', body: '{}' }));
  await attempt('blind POST', text('/v1/protect', { method: 'POST', body: 'x', mode: 'no-cors' }));
  const token = { ...marked, Authorization: `Bearer ${'A'.repeat(43)}` };
  await attempt('token', text('/v1/status', { method: 'POST', headers: token }));
  await attempt('pairing', text('/v1/pair/begin', { method: 'POST', body: '{}', headers: marked }));
  await attempt('OPTIONS', text('/v1/status', { method: 'OPTIONS' }));
  await attempt('credentials', text('/v1/status', { method: 'POST', credentials: 'include' }));
  await attempt('beacon', async () => {
    navigator.sendBeacon(`${daemon}/v1/protect`, 'x');
    return null;
  });
  for (const [tag, attribute] of [['img', 'src'], ['script', 'src'], ['link', 'href']]) {
    await attempt(tag, () => new Promise((resolve) => {
      const element = document.createElement(tag);
      if (tag === 'link') element.setAttribute('rel', 'stylesheet');
      element.addEventListener('load', () => resolve('loaded'));
      element.addEventListener('error', () => resolve(null));
      element.setAttribute(attribute, `${daemon}/healthz`);
      document.head.append(element);
    }));
  }
  await attempt('WebSocket', () => new Promise((resolve) => {
    const socket = new WebSocket(`${daemon.replace('http', 'ws')}/v1/hello`);
    socket.onopen = () => resolve('opened');
    socket.onerror = () => resolve(null);
  }));
  await attempt('EventSource', () => new Promise((resolve) => {
    const source = new EventSource(`${daemon}/healthz`);
    source.onopen = () => resolve('opened');
    source.onerror = () => {
      source.close();
      resolve(null);
    };
  }));
  /** @param {(frame: HTMLIFrameElement) => void} load */
  const framed = (load) => () => new Promise((/** @type {(text: string | null) => void} */ resolve) => {
    const frame = document.createElement('iframe');
    frame.name = 'target';
    document.body.append(frame);
    frame.addEventListener('load', () => {
      try {
        resolve(frame.contentDocument?.body.textContent?.trim() || null);
      } catch {
        resolve(null);
      }
    });
    load(frame);
  });
  await attempt('iframe', framed((frame) => {
    frame.src = `${daemon}/healthz`;
  }));
  await attempt('form', framed(() => {
    const form = document.createElement('form');
    form.method = 'post';
    form.enctype = 'text/plain';
    form.target = 'target';
    form.action = `${daemon}/v1/protect`;
    document.body.append(form);
    form.submit();
  }));
  return { read, tried };
}

/**
 * @param {string} origin of the extension
 * @param {string} id
 * @returns {Promise<string[]>} what was reached
 */
export async function reachForTheExtension(origin, id) {
  /** @type {string[]} */
  const reached = [];
  const { chrome, browser } = /** @type {any} */ (globalThis);
  const runtime = chrome?.runtime ?? browser?.runtime;
  if (runtime?.sendMessage) {
    const answer = await new Promise((resolve) => {
      setTimeout(resolve, 2000, null);
      try {
        runtime.sendMessage(id, { type: 'settings' }, (/** @type {unknown} */ got) => resolve(got ?? null));
      } catch {
        resolve(null);
      }
    });
    if (answer) reached.push('an answer to a message');
  }
  for (const file of ['manifest.json', 'extension/restore/restore.html', 'extension/content/page/start.js']) {
    await fetch(`${origin}/${file}`).then(
      () => reached.push(file),
      () => undefined,
    );
  }
  const frame = document.createElement('iframe');
  frame.src = `${origin}/extension/options/options.html`;
  document.body.append(frame);
  await new Promise((resolve) => {
    frame.addEventListener('load', resolve);
    setTimeout(resolve, 2000);
  });
  // a page of the extension would be of another origin; the error page or nothing is what is wanted
  if (frame.contentWindow && frame.contentWindow.length > 0) reached.push('a frame with frames');
  const names = ['ermask', '__ermask', 'ermaskShared', 'ERMASK'].filter((each) => each in globalThis);
  return [...reached, ...names];
}
