// @ts-check
/** The last script of this folder: what they shared is taken off the page's globals before its code runs. */

(() => {
  'use strict';

  Reflect.deleteProperty(globalThis, 'ermaskPage');
})();
