import { call } from './api.js';
import { untilAnswered } from './retry.js';
/** @import { Attribute } from '../types' */

/**
 * The schema's attributes, asked for until the server answers: without them there is nothing to show.
 *
 * @param {HTMLElement} note where to say why nothing is there yet
 * @returns {Promise<Attribute[]>}
 */
export async function loadSchema(note) {
  const report = (/** @type {Error} */ { message }) => { note.textContent = `${message} Trying again …`; };
  const { attributes } = await untilAnswered(() => call('GET', 'schema'), report, { wait: 1000 });
  return attributes;
}
