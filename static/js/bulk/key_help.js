import { element } from '../lib/dom.js';
import { COMMANDS } from './keys.js';

/** Fill the overlay with all keys: those of the page, then those of the schema. */
export function fillHelp(dialog, schema) {
  const line = (key, text) => element('tr', {}, element('th', { scope: 'row' }, element('kbd', {}, key)), element('td', {}, text));
  const values = (attribute) => attribute.values.map(({ code, name }) => `${code} ${name}`).join(' · ');
  dialog.querySelector('.command-keys').replaceChildren(...COMMANDS.map(([key, text]) => line(key, text)));
  dialog.querySelector('.schema-keys').replaceChildren(...schema.map((one) => line((one.key ?? '').toUpperCase(), `${one.title}: ${values(one)}`)));
  dialog.querySelector('button').addEventListener('click', () => dialog.close());
}
