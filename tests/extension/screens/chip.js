// @ts-check
/**
 * Pictures of the chip in a page of the zoo, in the order of what its user may meet.
 *
 * @module
 */

import { Stage } from '../harness/stage.js';
import { text } from '../harness/texts.js';

/** @typedef {import('../harness/camera.js').Camera} Camera */
/** @typedef {import('../harness/photos.js').Photo} Photo */
/** @typedef {import('../harness/tab.js').Tab} Tab */

const WINDOW = { width: 800, height: 600 };
/** Where the card has nothing to press: from its lower right corner. */
const REST = 40;
/** Of the zoo: a form that takes several photos and waits to be sent. */
const FORM = 'multiple';
/** Of the zoo: it draws the photo anew, and sends that. */
const REDRAWING = 'canvas';
const PASSPHRASE = 'four words nobody guesses';

/** @param {Camera} camera */
export async function takeChip(camera) {
  const stage = await Stage.set('chromium', { paired: false, passphrase: PASSPHRASE });
  try {
    const studio = new ChipStudio(stage, camera);
    await studio.open();
    await studio.takeBeforePairing();
    await stage.pair();
    await studio.takeAtWork();
    await studio.takeOutcomes();
    await studio.takeChoices();
    await studio.takeStuck();
  } finally {
    await stage.close();
  }
}

class ChipStudio {
  /** @type {Photo[]} */
  #photos = [];

  /** @param {Stage} stage @param {Camera} camera */
  constructor(stage, camera) {
    this.stage = stage;
    this.camera = camera;
  }

  async open() {
    for (const name of ['portrait.jpg', 'garden.jpg', 'reunion.jpg']) {
      this.#photos.push(await this.stage.photos.make({ name }));
    }
  }

  async takeBeforePairing() {
    await this.#take('chip-not-paired', FORM, [this.#photos[0]], ({ chip }) =>
      this.#isStuck(chip, 'not_paired'),
    );
  }

  async takeAtWork() {
    const { machine } = this.stage;
    await this.#take('chip-working', FORM, this.#photos, async ({ chip }) => {
      await chip.says(text('chip_progress').replace('$DONE$', '1').replace('$TOTAL$', '3'));
      // it stays as it is
      machine.suspend();
    });
    machine.resume();
  }

  async takeOutcomes() {
    const { photos, browser } = this.stage;
    const [portrait] = this.#photos;
    const done = text('chip_done_one');
    await this.#take('chip-protected', FORM, [portrait], async (tab) => {
      await tab.chip.says(done);
      await rest(tab);
    });
    await this.#take('chip-before-after', FORM, [portrait], async (tab) => {
      await tab.chip.says(done);
      await tab.chip.press('compare');
      await tab.chip.says(text('chip_compare_after'));
      await rest(tab);
    });
    const cup = await photos.make({ face: false, name: 'breakfast.jpg' });
    await this.#take('chip-no-face', FORM, [cup], async (tab) => {
      await tab.chip.says(text('chip_passed_no_face_one').replace('$COUNT$', '1'));
      await rest(tab);
    });
    const settings = await browser.ask({ type: 'settings' });
    await browser.ask({ type: 'set-settings', settings: { ...settings, strict: 'warn' } });
    await this.#take('chip-strict-warning', REDRAWING, [portrait], async (tab) => {
      await tab.chip.says(text('chip_unseen_one'));
      await rest(tab);
    });
    await browser.ask({ type: 'set-settings', settings });
  }

  async takeChoices() {
    const { photos, zoo } = this.stage;
    const site = new URL(zoo.url('')).origin;
    await this.stage.switchOn(site, 'ask');
    await this.#take('chip-asking', FORM, [this.#photos[0]], ({ chip }) => chip.offers('original'));
    await this.stage.switchOn(site);
    const damaged = await photos.write('lake.jpg', this.#photos[1].bytes.subarray(0, 600));
    await this.#take('chip-several', FORM, [this.#photos[0], damaged, this.#photos[2]], ({ chip }) =>
      this.#isStuck(chip, 'bad_image'),
    );
    const layers = await photos.write('layers.psd', '8BPS');
    await this.#take('chip-several-reasons', FORM, [this.#photos[0], damaged, layers], ({ chip }) =>
      this.#isStuck(chip, 'unsupported_format'),
    );
  }

  async takeStuck() {
    const { machine } = this.stage;
    const [portrait] = this.#photos;
    await machine.kill();
    await this.#take('chip-stuck-daemon-down', FORM, [portrait], ({ chip }) =>
      this.#isStuck(chip, 'daemon_down'),
    );
    delete machine.env.ERMASK_PASSPHRASE;
    await machine.startDaemon();
    await this.#take('chip-stuck-locked', FORM, [portrait], ({ chip }) =>
      this.#isStuck(chip, 'key_store_locked'),
    );
  }

  /**
   * With all its buttons: the last waits to be fully in sight.
   * @param {Tab['chip']} chip
   * @param {string} code
   */
  async #isStuck(chip, code) {
    await chip.reports(code);
    await chip.offers('original');
  }

  /**
   * Choose photos on a page, wait for what is to be seen, and take its picture.
   * @param {string} name
   * @param {string} page of the zoo
   * @param {Photo[]} photos
   * @param {(tab: Tab) => Promise<unknown>} wait
   */
  async #take(name, page, photos, wait) {
    if (!this.camera.wants(name)) return;
    const tab = await this.stage.open(page);
    try {
      await tab.page.setViewport(WINDOW);
      // the zoo has light pages only
      await tab.page.addStyleTag({ content: ':root { color-scheme: light dark }' });
      await tab.pick(photos.map(({ path }) => path));
      await wait(tab);
      await this.camera.shoot(tab.page, name);
    } finally {
      await tab.close();
    }
  }
}

/** Lay the mouse on the card: what is done stays while somebody reads it. @param {Tab} tab */
function rest({ page }) {
  return page.mouse.move(WINDOW.width - REST, WINDOW.height - REST);
}
