/** One change at a time, and a word on how it went; for pages with #message and #error. */

const at = (id) => document.getElementById(id);
let running = false;

/** Whether a change is on its way to the server. */
export const busy = () => running;

/**
 * Do one change unless another one is on its way; its failure is told, not thrown.
 *
 * @param {() => Promise<void>} work
 * @param {string} [done] what to say when it succeeded
 */
export async function oneAtATime(work, done = '') {
  if (running) return;
  running = true;
  document.documentElement.dataset.state = 'saving';
  try {
    await work();
    at('message').textContent = done;
    at('error').textContent = '';
  } catch (error) {
    at('error').textContent = error.message;
  }
  running = false;
  document.documentElement.dataset.state = 'ready';
}
