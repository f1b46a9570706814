/** The head of every page: the counts beside its links, and the button that logs out. */
import { asApiError, call } from '../lib/api.js';
import { findAll } from '../lib/dom.js';
import { adoptUnsent, forgetAccount, forgetOtherAccounts } from '../lib/private_data.js';
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

const project = document.documentElement.dataset.project ?? '';

/**
 * Remove what the browser keeps of the account; its unsent answers stay and are sent after its next login.
 *
 * @param {string} [next] where the browser goes then
 */
async function leave(next = ownUrl('/login')) {
  await forgetAccount(project);
  location.assign(next);
}

adoptUnsent(project);
const departures = new BroadcastChannel('facelabel:logout');
departures.onmessage = (/** @type {MessageEvent<string>} */ { data }) => data === project && leave(); // in another tab

const logout = document.getElementById('logout');
if (logout instanceof HTMLButtonElement) logout.disabled = false; // until here, a press of it would do nothing
logout?.addEventListener('click', async () => {
  /** @type {{next: string}|null} */
  const answer = await call('POST', 'logout', {});
  departures.postMessage(project);
  await leave(answer?.next);
});
/** After what the page itself needs. */
function finish() {
  showBadges();
  if (project.includes(':')) forgetOtherAccounts(project);
}

if (document.readyState === 'complete') finish();
else addEventListener('load', finish);
