// @ts-check
/**
 * From the moment the page is about to get files until it has them, or not: one acquisition each.
 *
 *     policy -> asking -> working -> stuck -> delivering -> done
 *
 * The hooks have emptied the input, or held the event, before one begins. Nothing reaches the page but in
 * `delivering`, and a photo that failed stays behind until the user says otherwise. docs/upload-hooks.md.
 */

/** @typedef {import('../../shared/messages.js').Result} Result */

/**
 * `passed`: unchanged, for a `reason` the user is told. `ignored`: no photo. `left_out`: the user goes on without it.
 * @typedef {'waiting' | 'working' | 'protected' | 'passed' | 'ignored' | 'failed' | 'original' | 'left_out'} State
 */

/**
 * @typedef {object} Photo
 * @property {string} id
 * @property {File} file
 * @property {State} state
 * @property {string | null} reason
 * @property {Problem | null} problem
 * @property {Result | null} result
 * @property {File | null} given  what the page gets, where it is not the file itself
 */

/** @typedef {'policy' | 'asking' | 'working' | 'stuck' | 'delivering' | 'done' | 'cancelled'} Phase */

/**
 * @typedef {object} Wish  what a hook asks for
 * @property {File[]} files
 * @property {[string, string][]} [strings]  other flavours, which may embed photos too
 * @property {(files: (File | null)[], strings: [string, string][]) => Promise<'given' | 'gone'>} deliver
 *   null for a file that was left out; 'gone' if the page has taken away where they belong
 * @property {() => Promise<unknown>} cancel
 */

/**
 * @typedef {object} Acquisition
 * @property {string} id
 * @property {Phase} phase
 * @property {Photo[]} photos  the files in order, then what the HTML embeds
 * @property {Problem | null} problem  why there is no policy
 * @property {Policy | null} policy
 * @property {boolean} gone
 * @property {Wish} wish
 * @property {AbortController} control
 */

/** @typedef {{drop: () => void}} Handle  `drop`: nobody wants the files any more */

/* exported acquisitions */
const acquisitions = (() => {
  const AT_ONCE = 2;
  const SLOW = 700; // milliseconds before it is said that this takes longer
  /** Answers that mean: nothing to change here, the photo goes to the page as it is. */
  const AS_IT_IS = ['already_protected', 'animated_image'];
  const NO_FACE = ['no_face', 'faces_too_small'];

  /** @type {Map<string, Acquisition>} */
  const all = new Map();
  let count = 0;
  /** @type {(acquisition: Acquisition) => void} */
  let show = () => undefined;

  const mark = crypto.getRandomValues(new Uint32Array(2)).join('');
  const nextId = () => `${mark}-${(count += 1)}`;

  /** @param {File} file @returns {Photo} */
  const photoOf = (file) => ({
    id: nextId(),
    file,
    state: 'waiting',
    reason: null,
    problem: null,
    result: null,
    given: null,
  });

  /** @param {Wish} wish */
  const htmlOf = (wish) => wish.strings?.find(([type]) => type === 'text/html')?.[1] ?? '';

  /** @param {'protected' | 'passed' | 'failed' | 'original' | 'unseen'} kind @param {number} number */
  function tell(kind, number) {
    if (number && courier.connected()) void courier.ask({ type: 'outcome', kind, count: number });
  }

  /** @param {Wish} wish @returns {Handle} */
  function begin(wish) {
    /** @type {Acquisition} */
    const acquisition = {
      id: nextId(),
      phase: 'policy',
      photos: [...wish.files, ...flavours.embedded(htmlOf(wish))].map(photoOf),
      problem: null,
      policy: null,
      gone: false,
      wish,
      control: new AbortController(),
    };
    all.set(acquisition.id, acquisition);
    void start(acquisition);
    return { drop: () => end(acquisition) };
  }

  /** @param {Acquisition} acquisition */
  async function start(acquisition) {
    setTimeout(() => {
      if (acquisition.phase === 'policy') show(acquisition);
    }, SLOW);
    acquisition.problem = await policies.known();
    acquisition.policy = policies.now();
    if (acquisition.phase !== 'policy') return;
    if (!acquisition.policy) {
      acquisition.phase = 'stuck';
      show(acquisition);
      return;
    }
    if (!acquisition.policy.active) {
      for (const photo of acquisition.photos) photo.state = 'ignored';
      await finish(acquisition);
      return;
    }
    await Promise.all(acquisition.photos.map(look));
    if (acquisition.phase !== 'policy') return;
    if (acquisition.policy.mode === 'ask' && acquisition.photos.some(({ state }) => state === 'waiting')) {
      acquisition.phase = 'asking';
      show(acquisition);
    } else {
      await work(acquisition);
    }
  }

  /** Photos go to the daemon; what is no photo stays as it is. @param {Photo} photo */
  async function look(photo) {
    if (!pictures.possible(photo.file)) {
      photo.state = 'ignored';
      return;
    }
    try {
      const kind = pictures.kind(photo.file, await pictures.headOf(photo.file));
      if (kind === 'photo') return;
      photo.state = kind === 'other' ? 'ignored' : 'passed';
      photo.reason = kind;
    } catch {
      fail(photo, courier.problem('picture_gone'));
    }
  }

  /** @param {Photo} photo @param {Problem} problem */
  function fail(photo, problem) {
    photo.state = 'failed';
    photo.problem = problem;
    tell('failed', 1);
  }

  /** @param {Acquisition} acquisition */
  async function work(acquisition) {
    acquisition.phase = 'working';
    const next = () => acquisition.photos.find(({ state }) => state === 'waiting');
    if (next()) show(acquisition);
    const lane = async () => {
      for (let photo = next(); photo && acquisition.phase === 'working'; photo = next()) {
        await protect(acquisition, photo);
        if (acquisition.phase === 'working') show(acquisition);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    if (acquisition.phase === 'working') await goOn(acquisition);
  }

  /** @param {Acquisition} acquisition @param {Photo} photo */
  async function protect(acquisition, photo) {
    const policy = /** @type {Policy} */ (acquisition.policy);
    photo.state = 'working';
    // A bare Blob: the file's name is nobody's business.
    const bare = new Blob([photo.file], { type: photo.file.type });
    const reply = await courier.ask(
      { type: 'protect', id: photo.id, photo: bare },
      acquisition.control.signal,
    );
    if (photo.state !== 'working') return;
    if (reply.ok) {
      try {
        const head = await pictures.headOf(reply.value.photo);
        photo.given = pictures.rename(photo.file, reply.value.photo, head);
        photo.result = reply.value.result;
        photo.state = 'protected';
      } catch {
        fail(photo, courier.problem('picture_gone'));
      }
      return;
    }
    const { code } = reply.problem;
    if (AS_IT_IS.includes(code) || (NO_FACE.includes(code) && policy.noFace === 'pass')) {
      photo.state = 'passed';
      photo.reason = code;
    } else {
      fail(photo, reply.problem);
    }
  }

  /** Once nothing is worked on any more. @param {Acquisition} acquisition */
  async function goOn(acquisition) {
    if (acquisition.photos.some(({ state }) => state === 'failed')) {
      acquisition.phase = 'stuck';
      show(acquisition);
    } else if (acquisition.photos.every(({ state }) => state === 'left_out')) {
      await cancel(acquisition);
    } else {
      await finish(acquisition);
    }
  }

  /** @param {Photo} photo */
  const outcomeOf = (photo) => (photo.state === 'left_out' ? null : (photo.given ?? photo.file));

  /** @param {Acquisition} acquisition */
  async function finish(acquisition) {
    acquisition.phase = 'delivering';
    const { wish, photos } = acquisition;
    const given = photos.map(outcomeOf);
    const embedded = given.splice(wish.files.length);
    const html = htmlOf(wish);
    const refilled = embedded.length ? await flavours.refill(html, embedded) : html;
    const strings = (wish.strings ?? []).map(
      ([type, text]) => /** @type {[string, string]} */ ([type, type === 'text/html' ? refilled : text]),
    );
    try {
      acquisition.gone = (await wish.deliver(given, strings)) === 'gone';
    } catch {
      acquisition.phase = 'stuck';
      // a fresh page has a fresh line to its world
      acquisition.problem = courier.problem('extension_reloaded');
      show(acquisition);
      return;
    }
    acquisition.phase = 'done';
    show(acquisition);
    tell('protected', photos.filter(({ state }) => state === 'protected').length);
    tell('passed', photos.filter(({ state }) => state === 'passed').length);
    tell('original', photos.filter(({ state }) => state === 'original').length);
  }

  /** @param {Acquisition} acquisition */
  async function cancel(acquisition) {
    end(acquisition);
    await acquisition.wish.cancel();
  }

  /** Stop, and take it off the chip. @param {Acquisition} acquisition */
  function end(acquisition) {
    if (acquisition.phase === 'done' || acquisition.phase === 'delivering') return;
    acquisition.phase = 'cancelled';
    acquisition.control.abort();
    for (const photo of acquisition.photos) {
      if (photo.state === 'working' && courier.connected())
        void courier.ask({ type: 'cancel', id: photo.id });
    }
    all.delete(acquisition.id);
    show(acquisition);
  }

  /**
   * The user's decision for photos that failed, or before any was sent.
   * @param {Acquisition} acquisition
   * @param {number | null} index null: all of them
   * @param {State} state
   */
  async function decide(acquisition, index, state) {
    const open = acquisition.phase === 'asking' ? ['waiting', 'failed'] : ['failed'];
    if (!acquisition.policy) open.push('waiting');
    for (const [i, photo] of acquisition.photos.entries()) {
      if (open.includes(photo.state) && (index === null || index === i)) photo.state = state;
    }
    if (state === 'waiting') await (acquisition.policy ? work(acquisition) : restart(acquisition));
    else await goOn(acquisition);
  }

  /** @param {Acquisition} acquisition */
  function restart(acquisition) {
    acquisition.phase = 'policy';
    show(acquisition);
    return start(acquisition);
  }

  /** A button of the chip. @param {string} id @param {string} action @param {number | null} index */
  async function press(id, action, index) {
    const acquisition = all.get(id);
    if (!acquisition) return;
    const { phase } = acquisition;
    if (action === 'close' && phase === 'done') all.delete(id);
    if (action === 'cancel') await cancel(acquisition);
    if (action === 'protect' && phase === 'asking') await work(acquisition);
    if (action === 'original' && (phase === 'asking' || phase === 'stuck'))
      await decide(acquisition, index, 'original');
    if (action === 'retry' && phase === 'stuck') await decide(acquisition, index, 'waiting');
    if (action === 'leave_out' && phase === 'stuck') await decide(acquisition, index, 'left_out');
  }

  return {
    begin,
    press,
    tell,
    get: (/** @type {string} */ id) => all.get(id),
    /** @param {(acquisition: Acquisition) => void} callback  after every change */
    onChange: (callback) => {
      show = callback;
    },
  };
})();
