/** The page Account: the reader's password, sessions and tokens. */
import { call } from '../lib/api.js';
import { runExclusive, runLoad } from '../lib/busy.js';
import { byId, find, onSubmit } from '../lib/dom.js';
import { forgetAccount } from '../lib/private_data.js';
import { ownUrl } from '../lib/urls.js';
import { secretNode, sessionItem, tokenItem } from './access_lists.js';
/** @import { OwnAccount } from '../types' */

const passwordForm = byId('change', HTMLFormElement);
const linkForm = byId('link', HTMLFormElement);
const tokenForm = byId('make', HTMLFormElement);

async function refresh() {
  /** @type {OwnAccount} */
  const account = await call('GET', 'account');
  const logsIn = account.sessions.length > 0 || account.has_password;
  byId('nobody').hidden = logsIn;
  byId('password').hidden = !account.has_password;
  byId('sessions').hidden = byId('tokens').hidden = !logsIn;
  showProvider(account);
  byId('whose', HTMLInputElement).value = account.name;
  byId('session-list').replaceChildren(...account.sessions.map((session) => sessionItem(session, session.current ? null : () => end(session.id))));
  byId('token-list').replaceChildren(...account.tokens.map((token) => tokenItem(token, () => revoke(token.id))));
}

/** @param {OwnAccount} account */
function showProvider({ provider, linked, has_password: hasPassword }) {
  byId('identity').hidden = provider === null || !hasPassword;
  byId('provider').textContent = provider ?? '';
  byId('linking').textContent = linked ? 'Your login there opens this account, too.' : 'Your login there can open this account, too. Log in there once more to show that it is yours. Your role then follows the provider.';
  linkForm.dataset.linked = String(linked);
  find(linkForm, 'button').textContent = linked ? 'Unlink' : 'Link';
}

function link() {
  const body = Object.fromEntries(new FormData(linkForm));
  runExclusive(async () => {
    if (linkForm.dataset.linked === 'true') {
      await call('POST', 'account/identity/unlink', body);
      linkForm.reset();
      await refresh();
      byId('identity-title').focus();
    } else {
      const { next } = await call('POST', 'account/identity', body);
      location.assign(next);
    }
  });
}

/** @param {number} id */
function end(id) {
  runExclusive(async () => {
    await call('POST', `account/sessions/${id}/end`, {});
    await refresh();
    byId('sessions-title').focus();
  }, 'That browser is logged out.');
}

/** @param {number} id */
function revoke(id) {
  runExclusive(async () => {
    await call('POST', `account/tokens/${id}/revoke`, {});
    await refresh();
    byId('tokens-title').focus();
  }, 'Revoked.');
}

function changePassword() {
  runExclusive(async () => {
    await call('POST', 'account/password', Object.fromEntries(new FormData(passwordForm)));
    passwordForm.reset();
    await refresh();
  }, 'The password is changed. Your other sessions and your tokens have ended.');
}

function makeToken() {
  const { purpose, scope, days } = Object.fromEntries(new FormData(tokenForm));
  runExclusive(async () => {
    const { token } = await call('POST', 'account/tokens', { purpose, scope, days: days ? Number(days) : null });
    await refresh();
    const secret = secretNode(token);
    byId('secret').replaceChildren(secret);
    secret.focus();
  }, 'The token is created.');
}

function logOutEverywhere() {
  runExclusive(async () => {
    await call('POST', 'account/sessions/end', {});
    await forgetAccount(document.documentElement.dataset.project ?? '');
    location.assign(ownUrl('/login'));
  });
}

onSubmit(passwordForm, changePassword);
onSubmit(linkForm, link);
onSubmit(tokenForm, makeToken);
byId('everywhere').addEventListener('click', logOutEverywhere);
runLoad(refresh);
