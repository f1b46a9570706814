import { element } from '../lib/dom.js';
import { COMMANDS } from '../lib/keys.js';

/** The overlay with all keys: those of the schema first, then those that mean the same everywhere. */
export class KeyHelp {
  constructor(dialog, schema) {
    this.dialog = dialog;
    const line = (keys, text) => element('tr', {},
      element('th', { scope: 'row' }, ...keys.split(' ').map((key) => element('kbd', {}, key))), element('td', {}, text));
    const values = (attribute) => (attribute.kind === 'open' ? 'a name; Enter confirms, Esc leaves'
      : attribute.values.map((value) => `${value.code} ${value.name}`).join(' · '));
    const attributes = schema.map((attribute) => line((attribute.key ?? '').toUpperCase(), `${attribute.title}: ${values(attribute)}`));
    const commands = COMMANDS.map(([key, text]) => line(key, text));
    dialog.querySelector('.schema-keys').replaceChildren(...attributes);
    dialog.querySelector('.command-keys').replaceChildren(...commands);
    dialog.querySelector('[data-close]').addEventListener('click', () => dialog.close());
  }

  toggle() {
    if (this.dialog.open) this.dialog.close();
    else this.dialog.showModal();
  }
}
