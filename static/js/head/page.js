/** The head of every page: the counts beside its links, and the button that logs out. */
import { asApiError, call } from '../lib/api.js';
import { findAll } from '../lib/dom.js';
import { ownUrl } from '../lib/urls.js';
/** @import { Badges } from '../types' */

const WORDS = { review: '', skipped: ' skipped' };

/** Show how many images wait on a page; without an answer of the server the links stay as they are. */
async function showBadges() {
  const places = findAll(document, '[data-badge]');
  if (places.length === 0) return;
  try {
    /** @type {Badges} */
    const badges = await call('GET', 'badges');
    for (const place of places) {
      const name = /** @type {'review'|'skipped'} */ (place.dataset.badge);
      const badge = badges[name];
      place.hidden = !badge || badge.images === 0;
      place.textContent = badge ? `${badge.images.toLocaleString('en')}${badge.more ? '+' : ''}${WORDS[name]}` : '';
    }
  } catch (error) {
    asApiError(error);
  }
}

// Answers that wait in this browser stay and are sent after the next login.
document.getElementById('logout')?.addEventListener('click', async () => {
  await call('POST', 'logout', {});
  location.assign(ownUrl('/login'));
});
// After what the page itself needs.
if (document.readyState === 'complete') showBadges();
else addEventListener('load', showBadges);
