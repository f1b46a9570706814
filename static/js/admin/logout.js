/** The button that logs out. Answers that wait in this browser stay and are sent after the next login. */
import { call } from '../lib/api.js';

document.getElementById('logout')?.addEventListener('click', async () => {
  await call('POST', 'logout', {});
  location.assign('/login');
});
