/** One change at a time, with its result in #message or #error. */
import { byId, messageOf } from './dom.js';

let running = false;

/** Whether a change is on its way to the server. */
export const busy = () => running;

/**
 * Do one change unless another one is on its way. A failure is shown, not thrown.
 *
 * @param {() => Promise<void>} work
 * @param {string} [done] what to say when it succeeded
 */
export async function runExclusive(work, done = '') {
  if (running) return;
  running = true;
  document.documentElement.dataset.state = 'saving';
  try {
    await work();
    byId('message').textContent = done;
    byId('error').textContent = '';
  } catch (error) {
    byId('error').textContent = messageOf(error);
  }
  running = false;
  document.documentElement.dataset.state = 'ready';
}
