/** Logging in: the server sets a cookie that scripts cannot read, then the page goes where the labeller wanted. */
import { ApiError, call } from '../lib/api.js';
import { byId, messageOf, onSubmit } from '../lib/dom.js';
import { ownUrl } from '../lib/urls.js';

const form = byId('login', HTMLFormElement);
const error = byId('error');
const TRIES = 15;

/** The page that was asked for, if it is one of ours: never another site. */
function target() {
  const wanted = new URL(new URLSearchParams(location.search).get('next') ?? ownUrl('/'), location.origin);
  return wanted.origin === location.origin ? wanted.pathname + wanted.search : ownUrl('/');
}

/** Log in. While the server checks the passwords of others, try again every second, a few times. */
async function logIn() {
  const sent = Object.fromEntries(new FormData(form));
  for (let tries = 1; ; tries += 1) {
    try {
      await call('POST', 'login', sent);
      return;
    } catch (problem) {
      if (!(problem instanceof ApiError) || problem.code !== 'login_busy' || tries === TRIES) throw problem;
    }
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }
}

onSubmit(form, async () => {
  error.textContent = '';
  try {
    await logIn();
    location.assign(target());
  } catch (problem) {
    error.textContent = messageOf(problem);
  }
});
