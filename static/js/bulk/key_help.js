import { element, find } from '../lib/dom.js';
import { COMMANDS } from './keys.js';
/** @import { Attribute } from '../types' */

/**
 * Fill the overlay with all keys: those of the page, then those of the schema.
 *
 * @param {HTMLDialogElement} dialog
 * @param {Attribute[]} schema
 */
export function fillHelp(dialog, schema) {
  const line = (/** @type {string} */ key, /** @type {string} */ text) => element('tr', {}, element('th', { scope: 'row' }, element('kbd', {}, key)), element('td', {}, text));
  const values = (/** @type {Attribute} */ attribute) => attribute.values.map(({ code, name }) => `${code} ${name}`).join(' · ');
  find(dialog, '.command-keys').replaceChildren(...COMMANDS.map(([key, text]) => line(key, text)));
  find(dialog, '.schema-keys').replaceChildren(...schema.map((one) => line((one.key ?? '').toUpperCase(), `${one.title}: ${values(one)}`)));
  find(dialog, 'button').addEventListener('click', () => dialog.close());
}

/** @param {HTMLDialogElement} dialog */
export function toggleHelp(dialog) {
  if (dialog.open) dialog.close();
  else dialog.showModal();
}
