// @ts-check
/**
 * Where the chip is shown: in this frame, or, if this one is too small or out of sight, in the top frame.
 * What is to be shown goes there through the background, and the presses come back; the page sees neither.
 */

/* exported stage */
const stage = (() => {
  const LEAST_WIDTH = 300; // pixels of a frame with a chip
  const LEAST_HEIGHT = 200;
  const PATIENCE = 800; // milliseconds for a chip to come into sight

  /** What is shown by the top frame. @type {Set<string>} */
  const away = new Set();
  /** @type {Map<string, View>} */
  const current = new Map();
  /** What follows when a note is closed. @type {Map<string, () => void>} */
  const afterwards = new Map();
  let outOfSight = false;
  let count = 0;

  const isTop = window === window.top;
  const fits = () => isTop || (!outOfSight && innerWidth >= LEAST_WIDTH && innerHeight >= LEAST_HEIGHT);

  /** Ask the top frame. @param {string} id @param {View | null} view @returns {Promise<boolean>} */
  async function sendUp(id, view) {
    if (!courier.connected()) return false;
    const reply = await courier.ask({ type: 'chip-view', id, view });
    return reply.ok && reply.value.shown;
  }

  /** In frames that scrolled away, or are covered to nothing, the chip is nowhere to be seen. */
  function watchSight() {
    const host = chip.host();
    if (isTop || !host) return;
    const observer = new IntersectionObserver(([entry]) => {
      observer.disconnect();
      if (entry.isIntersecting || !current.size) return;
      outOfSight = true;
      for (const [id, view] of current) void show(id, view);
    });
    setTimeout(() => observer.observe(host), PATIENCE);
  }

  /** @param {string} id @param {View} view */
  function showHere(id, view) {
    chip.show(id, view, (action, index) => void press(id, action, index));
    watchSight();
  }

  /** @param {string} id @param {View | null} view */
  async function show(id, view) {
    if (!view) {
      current.delete(id);
      chip.remove(id);
      if (away.delete(id)) await sendUp(id, null);
      return;
    }
    current.set(id, view);
    if (!fits() && (await sendUp(id, view))) {
      away.add(id);
      chip.remove(id);
    } else if (current.get(id) === view && !away.has(id)) {
      showHere(id, view);
    }
  }

  /** Round all faces that were changed. @param {Result | null} result @returns {Pair['box']} */
  function boxOf(result) {
    const boxes = (result?.faces ?? []).filter(({ changed }) => changed).map(({ box }) => box);
    if (!boxes.length) return null;
    const edge = (/** @type {number} */ i, /** @type {(...n: number[]) => number} */ of) =>
      of(...boxes.map((box) => box[i]));
    return [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)];
  }

  /** @param {Acquisition} acquisition @returns {Pair[]} */
  const pairsOf = ({ photos }) =>
    photos.flatMap(({ file, given, result }) =>
      given ? [{ before: new Blob([file]), after: new Blob([given]), box: boxOf(result) }] : [],
    );

  /** @param {string} id */
  async function compare(id) {
    const acquisition = acquisitions.get(id);
    if (!acquisition) return;
    const pairs = pairsOf(acquisition);
    if (away.has(id)) await courier.ask({ type: 'chip-pictures', id, pairs });
    else await chip.compare(id, pairs);
  }

  /** @param {string} id @param {string} action @param {number | null} index */
  async function press(id, action, index) {
    if (action === 'compare') return compare(id);
    if (action === 'open_onboarding') return void courier.ask({ type: 'open', page: 'onboarding' });
    if (action === 'open_options') return void courier.ask({ type: 'open', page: 'options' });
    if (action === 'close') {
      await show(id, null);
      afterwards.get(id)?.();
      afterwards.delete(id);
    }
    return acquisitions.press(id, action, index);
  }

  /** A card of another frame. @param {{frame: number, id: string, view: View | null}} message */
  function showFor({ frame, id, view }) {
    const key = `${frame}:${id}`;
    if (!view) return chip.remove(key);
    return chip.show(key, view, (action, index) => {
      if (action === 'close') chip.remove(key);
      void courier.ask({ type: 'chip-press', frame, id, action, index });
    });
  }

  acquisitions.onChange((acquisition) => {
    const view = views.of(acquisition);
    void show(acquisition.id, view);
    if (!view && acquisition.phase === 'done') void acquisitions.press(acquisition.id, 'close', null);
  });
  window.addEventListener('pagehide', () => {
    for (const id of away) void sendUp(id, null);
  });

  return {
    press,
    showFor,
    /** @param {{frame: number, id: string, pairs: Pair[]}} message */
    compareFor: ({ frame, id, pairs }) => chip.compare(`${frame}:${id}`, pairs),
    /**
     * Say something that belongs to no acquisition.
     * @param {string} title
     * @param {string[]} [lines]
     * @param {() => void} [gone]  called once it is closed, by the user or by itself
     */
    note: (title, lines = [], gone) => {
      const id = `note-${(count += 1)}`;
      if (gone) afterwards.set(id, gone);
      void show(id, views.note(id, title, lines));
    },
  };
})();
