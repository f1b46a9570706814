import { focused } from '../lib/dom.js';
import { typedCode } from '../lib/keys.js';
/** @import { Answer, Attribute } from '../types' */
/** @import { AttributePanel } from './attribute_panel.js' */
/** @import { Draft } from './draft.js' */

/** Keeps the marked attribute and runs the keys that act on one attribute. */
export class AttributeKeys {
  /**
   * @param {Attribute[]} schema
   * @param {AttributePanel} panel
   * @param {{onsay: (text: string) => void, onanswer: (name: string, value: Answer) => void, onswitch: (name: string) => void,
   *   onmark: (name: ?string) => void}} listeners
   */
  constructor(schema, panel, { onsay, onanswer, onswitch, onmark }) {
    this.schema = schema;
    this.panel = panel;
    this.onsay = onsay;
    this.onanswer = onanswer;
    this.onswitch = onswitch;
    this.onmark = onmark;
    /** @type {?Draft} */
    this.draft = null;
    /** @type {?string} */
    this.current = null;
    this.typed = ''; // digits of a code that may be incomplete
    /** What each command does that belongs to one attribute. @type {Record<string, (argument: any) => void>} */
    this.commands = {
      letter: (letter) => this.letter(letter),
      digit: (digit) => this.digit(digit),
      unsure: () => this.unsure(),
      step: (by) => this.step(by),
      value: (by) => this.value(by),
      leave: () => this.leave(),
    };
  }

  /** The attribute that is selected, else the first one. */
  get marked() {
    return this.attribute(this.current ?? this.schema[0].name);
  }

  /** @param {?string} name */
  attribute(name) {
    return this.schema.find((attribute) => attribute.name === name);
  }

  /**
   * The attribute with this key; without one the page shows a message.
   *
   * @param {string} letter
   */
  byKey(letter) {
    const attribute = this.schema.find(({ key }) => key?.toLowerCase() === letter);
    if (!attribute) this.onsay(`No attribute has the key ${letter.toUpperCase()}. Press ? to see all keys.`);
    return attribute;
  }

  /**
   * @param {Draft} draft
   * @param {?string} marked
   */
  show(draft, marked) {
    this.draft = draft;
    this.mark(marked);
  }

  /** @param {?string} name */
  mark(name) {
    this.current = name;
    this.type('');
    this.panel.focus(name);
    this.onmark(name);
  }

  /** @param {string} typed digits of a code that may be incomplete */
  type(typed) {
    this.typed = typed;
    if (this.draft) this.panel.render(this.draft, this.current, typed);
  }

  /** The code that the typed digits stand for, or null. */
  get typedCode() {
    const attribute = this.typed ? this.attribute(this.current) : null;
    return attribute ? typedCode(this.typed, attribute.values)?.code ?? null : null;
  }

  // ---- keys

  /**
   * A letter marks its attribute. If a value is suggested, it also switches to the next most probable one.
   *
   * @param {string} letter
   */
  letter(letter) {
    const attribute = this.byKey(letter);
    if (!attribute || !this.draft) return;
    const switched = this.draft.switch(attribute.name);
    this.mark(attribute.name);
    if (!switched) return;
    this.onswitch(attribute.name);
    this.onsay(this.switchedTo(this.draft, attribute));
  }

  /**
   * @param {Draft} draft
   * @param {Attribute} attribute
   */
  switchedTo(draft, { name, title, key }) {
    const replaced = draft.replaced(name);
    if (replaced === null) return `${title}: as suggested.`;
    const word = (/** @type {?Answer} */ code) => draft.value(name, code)?.name;
    const more = draft.ranked(name).length > 2 ? `Press ${key.toUpperCase()} again for another value. ` : '';
    return `${title}: ${word(draft.answers.get(name)?.value ?? null)}, not ${word(replaced)}. ${more}Press Enter to continue.`;
  }

  /** @param {string} digit */
  digit(digit) {
    const attribute = this.attribute(this.current);
    if (!attribute || attribute.kind === 'open') {
      return this.onsay("Press an attribute's letter first, then a value's digit.");
    }
    const typed = this.typed + digit;
    const progress = typedCode(typed, attribute.values);
    if (progress && !progress.more) return this.onanswer(attribute.name, progress.code);
    this.type(progress ? typed : '');
    return this.onsay(progress ? `${attribute.title}: ${typed}… Type another digit or press Enter.` : `${attribute.title} has no value ${typed}.`);
  }

  unsure() {
    if (this.current) this.onanswer(this.current, null);
    else this.onsay("Press an attribute's letter first.");
  }

  /**
   * ↑ ↓
   *
   * @param {1|-1} by
   */
  step(by) {
    const place = this.schema.findIndex((attribute) => attribute.name === this.current);
    const from = place < 0 && by < 0 ? 0 : place;
    this.mark(this.schema[(from + by + this.schema.length) % this.schema.length].name);
  }

  /**
   * ← →
   *
   * @param {1|-1} by
   */
  value(by) {
    if (!this.current) this.step(1);
    if (this.current) this.panel.step(this.current, by);
  }

  /** Esc */
  leave() {
    this.type('');
    focused()?.blur();
  }
}
