// @ts-check
/**
 * The options: everything is saved as it is changed.
 *
 * @module
 */

import { find } from '../shared/elements.js';
import { localise } from '../shared/text.js';
import { readyBackup } from './backup.js';
import { readyCircles, showCircles } from './circles.js';
import { readyDaemon, refreshDaemon, showDaemon } from './daemon.js';
import { readyDiagnostics, showDiagnostics } from './diagnostics.js';
import { readyShortcuts } from './keyboard.js';
import { readyPhotos, showPhotos } from './photos.js';
import { showPermissions } from './privacy.js';
import { circles, load, onSettings } from './saved_settings.js';
import { showSites } from './sites.js';

/** How often the daemon is looked at, in milliseconds. */
const BEAT = 3000;

/** The section that is read is marked in the list of sections. */
function markSections() {
  const links = [...document.querySelectorAll('#sections a')];
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        for (const link of links) {
          if (link.getAttribute('href') === `#${target.id}`) link.setAttribute('aria-current', 'true');
          else link.removeAttribute('aria-current');
        }
      }
    },
    { rootMargin: '-20% 0px -70% 0px' },
  );
  document.querySelectorAll('main > section').forEach((each) => watcher.observe(each));
}

async function start() {
  localise();
  const reload = async () => {
    await load();
    showCircles();
    await showDaemon();
  };
  readyPhotos();
  readyCircles(reload);
  readyDaemon(reload);
  readyShortcuts();
  readyBackup();
  readyDiagnostics();
  showPermissions();
  markSections();
  onSettings(async (settings) => {
    showPhotos(settings);
    showCircles();
    await showSites(settings, circles());
  });
  await reload();
  await showDiagnostics();
  if (location.hash) find(location.hash, HTMLElement).scrollIntoView();
  document.documentElement.dataset['ready'] = 'true';
  // the daemon may be started or ended in a terminal meanwhile
  setInterval(() => {
    if (!document.hidden) void refreshDaemon(reload);
  }, BEAT);
}

void start();
