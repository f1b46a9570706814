/** Logging in: the server sets a cookie that scripts cannot read, then the page goes where the labeller wanted. */
import { call } from '../lib/api.js';
import { byId, messageOf, onSubmit } from '../lib/dom.js';
import { ownUrl } from '../lib/urls.js';

const form = byId('login', HTMLFormElement);
const error = byId('error');

/** The page that was asked for, if it is one of ours: never another site. */
function target() {
  const wanted = new URL(new URLSearchParams(location.search).get('next') ?? ownUrl('/'), location.origin);
  return wanted.origin === location.origin ? wanted.pathname + wanted.search : ownUrl('/');
}

onSubmit(form, async () => {
  error.textContent = '';
  try {
    await call('POST', 'login', Object.fromEntries(new FormData(form)));
    location.assign(target());
  } catch (problem) {
    error.textContent = messageOf(problem);
  }
});
