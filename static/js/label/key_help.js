import { element, find } from '../lib/dom.js';
import { COMMANDS } from '../lib/keys.js';
/** @import { Attribute } from '../types' */

/** The overlay with all keys: those of the schema first, then those that mean the same everywhere. */
export class KeyHelp {
  /**
   * @param {HTMLDialogElement} dialog
   * @param {Attribute[]} schema
   */
  constructor(dialog, schema) {
    this.dialog = dialog;
    const line = (/** @type {string} */ keys, /** @type {string} */ text) => element('tr', {},
      element('th', { scope: 'row' }, ...keys.split(' ').map((key) => element('kbd', {}, key))), element('td', {}, text));
    const values = (/** @type {Attribute} */ attribute) => (attribute.kind === 'open' ? 'type a name; Enter confirms, Esc cancels'
      : attribute.values.map((value) => `${value.code} ${value.name}`).join(' · '));
    const attributes = schema.map((attribute) => line((attribute.key ?? '').toUpperCase(), `${attribute.title}: ${values(attribute)}`));
    const commands = COMMANDS.map(([keys, text]) => line(keys, text));
    find(dialog, '.schema-keys').replaceChildren(...attributes);
    find(dialog, '.command-keys').replaceChildren(...commands);
    find(dialog, '[data-close]').addEventListener('click', () => dialog.close());
  }

  toggle() {
    if (this.dialog.open) this.dialog.close();
    else this.dialog.showModal();
  }
}
