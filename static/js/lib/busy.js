/** One thing at a time between the page and the server, with its result in #message or #error. */
import { byId, messageOf } from './dom.js';

/** @type {'load'|'change'|null} */
let running = null;
/** @type {(() => Promise<void>)|null} */
let waiting = null; // what follows, such as a click while the page loads: the last thing only, so that a double click counts once

/** Whether something is on its way to or from the server. */
export const busy = () => running !== null;

/**
 * @param {'load'|'change'} kind
 * @param {() => Promise<void>} work
 * @param {string} done
 */
async function run(kind, work, done) {
  if (running === 'load' || (running === 'change' && kind === 'load')) waiting = () => run(kind, work, done);
  if (running !== null) return;
  running = kind;
  document.documentElement.dataset.state = 'saving';
  try {
    await work();
    byId('message').textContent = done;
    byId('error').textContent = '';
  } catch (error) {
    byId('error').textContent = messageOf(error);
  }
  running = null;
  document.documentElement.dataset.state = 'ready';
  const next = waiting;
  waiting = null;
  await next?.();
}

/**
 * Do one change unless another one is on its way; wait for a load. A failure is shown, not thrown.
 *
 * @param {() => Promise<void>} work
 * @param {string} [done] what to say when it succeeded
 */
export const runExclusive = (work, done = '') => run('change', work, done);

/**
 * Load what the page shows. A change or another load that is asked for meanwhile follows it.
 *
 * @param {() => Promise<void>} work
 */
export const runLoad = (work) => run('load', work, '');
