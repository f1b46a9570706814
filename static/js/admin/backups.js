/** The part of the Export page for admins: when the last backup was made, and where the backups are. */
import { call } from '../lib/api.js';
import { byId, element, messageOf } from '../lib/dom.js';
/** @import { Backups } from '../types' */

async function show() {
  /** @type {Backups} */
  const { text, problem, places } = await call('GET', 'backups');
  byId('backups-text').textContent = text;
  byId('backups-problem').textContent = problem;
  byId('backups-places').replaceChildren(...places.filter(({ error, overdue }) => !error && !overdue).map((place) => element('li', {}, place.text)));
}

if (document.documentElement.dataset.role === 'admin') {
  try {
    await show();
  } catch (error) {
    byId('backups-problem').textContent = messageOf(error);
  }
}
