/** What a browser keeps of an account's work besides unsent answers, and how it is removed when the account leaves. */

import { stopKeeping } from './storage.js';

const COPIES = 'facelabel ';
const OURS = /^facelabel:([^:]+)(?::(\d+))?:(.+)$/; // project, account, name
const UNSENT = /^(?:outbox|refused):/;
const LEAVES = /^(?:draft:|ahead:|schema$)/; // of what all tabs share; choices such as the size of thumbnails stay

/**
 * How the names of the caches begin that hold copies of a label page (label/offline_copy.js).
 *
 * @param {string} scope path of the label page: several projects may share an address
 */
export const copiesOf = (scope) => `${COPIES}${scope} `;

/**
 * Delete copies of label pages.
 *
 * @param {(name: string) => boolean} gone which ones, by the name of the cache
 */
export async function deleteCopies(gone) {
  if (!('caches' in globalThis)) return; // plain http
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(COPIES) && gone(name)).map((name) => caches.delete(name)));
}

/**
 * Delete what the browser keeps of this project's accounts: images held, drafts, the session. Unsent answers and choices stay.
 *
 * @param {string} project with the account, as `data-project`
 * @param {'this'|'others'} whose the data of this account, or of all others
 */
function deleteEntries(project, whose) {
  const [token] = project.split(':');
  for (const area of [localStorage, sessionStorage]) {
    for (const name of Object.keys(area)) {
      const [, of, account, rest] = OURS.exec(name) ?? [];
      const mine = [of, account].filter(Boolean).join(':') === project;
      if (of !== token || mine !== (whose === 'this')) continue;
      if (area === sessionStorage || LEAVES.test(rest)) area.removeItem(name);
    }
  }
}

/**
 * The account logs out: nothing that it saw or began stays in this browser. Its unsent answers stay until it logs in again.
 *
 * @param {string} project
 */
export async function forgetAccount(project) {
  stopKeeping(); // a page keeps its draft when it is left
  deleteEntries(project, 'this');
  await deleteCopies((name) => name.includes(` ${project} `));
}

/**
 * Answers that were given before the project had accounts are sent by the first account that comes.
 *
 * @param {string} project
 */
export function adoptUnsent(project) {
  const [token, mine] = project.split(':');
  if (!mine) return;
  for (const name of Object.keys(localStorage)) {
    const [, of, account, rest] = OURS.exec(name) ?? [];
    if (of !== token || account !== undefined || !UNSENT.test(rest)) continue;
    localStorage.setItem(`facelabel:${project}:${rest}`, localStorage.getItem(name) ?? '');
    localStorage.removeItem(name);
  }
}

/**
 * Another account may have used this browser without logging out.
 *
 * @param {string} project
 */
export async function forgetOtherAccounts(project) {
  const [token] = project.split(':');
  deleteEntries(project, 'others');
  await deleteCopies((name) => (name.includes(` ${token}:`) || name.includes(` ${token} `)) && !name.includes(` ${project} `));
}
