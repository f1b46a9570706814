/** Sessions and tokens as lists: on the page Account, and for an admin on the team page. */
import { element, moment } from '../lib/dom.js';
/** @import { BrowserSession, Token } from '../types' */

const SCOPES = { read: 'may read', label: 'may read and label', admin: 'may do everything that the account may' };

/**
 * @param {BrowserSession} session
 * @param {(() => void)|null} end what its button does; null for none
 */
export function sessionItem({ id, device, address, last_used_at, current }, end) {
  const button = end && element('button', { type: 'button', onclick: end }, 'Log out');
  return element('li', { 'data-session': id },
    element('span', {}, device, ' ', element('span', { class: 'muted' }, `${address}, `, ...(current ? ['this browser'] : ['last used ', moment(last_used_at)]))),
    ...(button ? [button] : []));
}

/**
 * @param {Token} token
 * @param {() => void} revoke what its button does
 */
export function tokenItem({ id, purpose, scope, expires_at, last_used_at }, revoke) {
  const lasts = expires_at === null ? [', until it is revoked'] : [', until ', moment(expires_at)];
  const used = last_used_at === null ? [', never used'] : [', last used ', moment(last_used_at)];
  return element('li', { 'data-token': id },
    element('span', {}, purpose, ' ', element('span', { class: 'muted' }, SCOPES[scope], ...lasts, ...used)),
    element('button', { type: 'button', onclick: revoke }, 'Revoke'));
}

/**
 * A new token, which is shown only once.
 *
 * @param {string} token
 */
export function secretNode(token) {
  return element('p', { class: 'secret', tabindex: -1 }, 'Copy this token now, it is shown only once: ', element('code', {}, token));
}
