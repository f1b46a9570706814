import { typedCode } from '../lib/keys.js';

/** Which attribute of the image is marked, and what the keys that belong to one attribute do. */
export class AttributeKeys {
  /**
   * @param {Object[]} schema
   * @param {import('./attribute_panel.js').AttributePanel} panel
   * @param {{onsay: (text: string) => void, onanswer: (name: string, value: *) => void, onswitch: () => void}} listeners
   */
  constructor(schema, panel, listeners) {
    Object.assign(this, { schema, panel, ...listeners, draft: null, current: null, typed: '' });
  }

  attribute(name) {
    return this.schema.find((attribute) => attribute.name === name);
  }

  /** The attribute with this key; says so if there is none. */
  byKey(letter) {
    const found = this.schema.find((attribute) => attribute.key?.toLowerCase() === letter);
    if (!found) this.onsay(`No attribute has the key ${letter.toUpperCase()}. The key ? shows all keys.`);
    return found;
  }

  show(draft, marked) {
    this.draft = draft;
    this.mark(marked);
  }

  mark(name) {
    this.current = name;
    this.type('');
    this.panel.focus(name);
  }

  /** Digits of a code that may still go on. */
  type(typed) {
    this.typed = typed;
    this.panel.render(this.draft, this.current, typed);
  }

  /** The code that was typed as far as it means one already, or null. */
  get typedCode() {
    return this.typed ? typedCode(this.typed, this.attribute(this.current).values)?.code ?? null : null;
  }

  // ---- keys

  /** A letter marks its attribute; where something is suggested it goes on to the next probable value. */
  letter(letter) {
    const found = this.byKey(letter);
    if (!found) return;
    const switched = this.draft.switch(found.name);
    this.mark(found.name);
    if (!switched) return;
    this.onswitch();
    this.onsay(this.switchedTo(found));
  }

  switchedTo({ name, title, key }) {
    const replaced = this.draft.replaced(name);
    if (replaced === null) return `${title}: as suggested.`;
    const value = (code) => this.draft.value(name, code).name;
    const more = this.draft.ranked(name).length > 2 ? `${key.toUpperCase()} again: another one. ` : '';
    return `${title}: ${value(this.draft.answers.get(name).value)}, not ${value(replaced)}. ${more}Enter goes on.`;
  }

  digit(digit) {
    const attribute = this.attribute(this.current);
    if (!attribute || attribute.kind === 'open') {
      return this.onsay("First mark an attribute with its letter, then press a value's digit.");
    }
    const typed = this.typed + digit;
    const found = typedCode(typed, attribute.values);
    if (found && !found.more) return this.onanswer(attribute.name, found.code);
    this.type(found ? typed : '');
    return this.onsay(found ? `${attribute.title}: ${typed}… – another digit, or Enter.` : `${attribute.title} has no value ${typed}.`);
  }

  unsure() {
    if (this.current) this.onanswer(this.current, null);
    else this.onsay('First mark an attribute with its letter.');
  }

  /** ↑ ↓ */
  step(by) {
    const place = this.schema.findIndex((attribute) => attribute.name === this.current);
    const from = place < 0 && by < 0 ? 0 : place;
    this.mark(this.schema[(from + by + this.schema.length) % this.schema.length].name);
  }

  /** ← → */
  value(by) {
    if (!this.current) this.step(1);
    this.panel.step(this.current, by);
  }

  /** Esc */
  leave() {
    this.type('');
    document.activeElement?.blur();
  }
}
