/** Logging in: the server sets a cookie that scripts cannot read, then the page goes where the labeller wanted. */
import { call } from '../lib/api.js';
import { onSubmit } from '../lib/dom.js';

const form = document.getElementById('login');
const error = document.getElementById('error');

/** The page that was asked for, if it is one of ours: never another site. */
function target() {
  const wanted = new URL(new URLSearchParams(location.search).get('next') ?? '/', location.origin);
  return wanted.origin === location.origin ? wanted.pathname + wanted.search : '/';
}

onSubmit(form, async () => {
  error.textContent = '';
  try {
    await call('POST', 'login', Object.fromEntries(new FormData(form)));
    location.assign(target());
  } catch (problem) {
    error.textContent = problem.message;
  }
});
