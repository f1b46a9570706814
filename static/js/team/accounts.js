/** What an admin does with accounts: role, password, letting in and keeping out, sessions, tokens. */
import { element } from '../lib/dom.js';
import { sessionItem, tokenItem } from './access_lists.js';
/** @import { Member } from '../types' */

/**
 * What an admin can do with an account or a token, by its id.
 *
 * @typedef {{change: (id: number, what: Object) => void, logout: (id: number) => void, token: (id: number, purpose: string, scope: string) => void, revoke: (id: number) => void, remove: (id: number, forgetName: boolean) => void}} AccountActions
 */

const ROLES = ['labeller', 'reviewer', 'admin'];
const SCOPES = ['read', 'label', 'admin'];

/**
 * @param {string} label
 * @param {HTMLInputElement|HTMLSelectElement} field
 * @param {string} button
 * @param {(value: string, form: HTMLFormElement) => void} onsubmit
 * @param {...Node} more
 */
function formOf(label, field, button, onsubmit, ...more) {
  const form = element('form', {}, ...more, element('label', {}, label, field), element('button', {}, button));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    onsubmit(field.value, form);
  });
  return form;
}

/**
 * @param {Member} account
 * @param {AccountActions} act
 */
function tokens(account, act) {
  return element('ul', { class: 'tokens' }, ...account.tokens.map((token) => tokenItem(token, () => act.revoke(token.id))));
}

/**
 * Where the account is logged in.
 *
 * @param {Member} account
 * @param {AccountActions} act
 */
function sessions(account, act) {
  if (account.sessions.length === 0) return [];
  return [
    element('ul', { class: 'tokens' }, ...account.sessions.map((session) => sessionItem(session, null))),
    element('button', { type: 'button', onclick: () => act.logout(account.id) }, 'Log out everywhere'),
  ];
}

/**
 * Deletes the account when its button is pressed twice.
 *
 * @param {Member} account
 * @param {AccountActions} act
 */
function deleteForm(account, act) {
  const names = element('select', { 'aria-label': `Name of the answers of ${account.name}` }, element('option', { value: '' }, 'keep the name'), element('option', { value: 'forget' }, 'forget the name'));
  /** @param {Event} event */
  const press = ({ currentTarget }) => {
    const button = /** @type {HTMLButtonElement} */ (currentTarget);
    if (button.dataset.sure === '') act.remove(account.id, names.value === 'forget');
    button.dataset.sure = '';
    button.textContent = 'Delete for good?';
  };
  return element('span', { class: 'switch' }, element('label', {}, 'Its answers ', names), element('button', { type: 'button', onclick: press }, 'Delete'));
}

/**
 * One account, closed until it is asked for.
 *
 * @param {Member} account
 * @param {AccountActions} act
 */
export function accountNode(account, act) {
  const role = element('select', {}, ...ROLES.map((name) => element('option', { selected: name === account.role }, name)));
  const name = element('input', { value: account.name, maxlength: 200, autocomplete: 'off', required: true });
  const password = element('input', { type: 'password', minlength: 10, autocomplete: 'new-password', required: true });
  const whose = element('input', { autocomplete: 'username', value: account.name, hidden: true }); // so that a browser keeps it for the right name
  const purpose = element('input', { maxlength: 200, placeholder: 'nightly export', autocomplete: 'off', required: true });
  const scope = element('select', {}, ...SCOPES.map((one) => element('option', { selected: one === 'label' }, one)));
  const toggle = element('button', { type: 'button', onclick: () => act.change(account.id, { active: !account.active }) }, account.active ? 'Disable' : 'Enable');
  return element('details', { class: 'account', 'data-account': account.name, 'data-id': account.id, 'data-active': String(account.active) },
    element('summary', {}, account.name, element('small', {}, [account.role, account.me && 'you', !account.active && 'disabled'].filter(Boolean).join(', '))),
    formOf('Name', name, 'Rename', (value) => act.change(account.id, { name: value })),
    formOf('Role', role, 'Change', (value) => act.change(account.id, { role: value })),
    formOf('New password', password, 'Set', (value, sent) => { act.change(account.id, { password: value }); sent.reset(); }, whose),
    element('span', { class: 'switch' }, toggle),
    deleteForm(account, act),
    ...sessions(account, act),
    tokens(account, act),
    formOf('Token for a program', purpose, 'Create', (value) => act.token(account.id, value, scope.value), element('label', {}, 'May ', scope)));
}
