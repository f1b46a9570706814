import { element, focused } from '../lib/dom.js';
import { PersonField } from '../lib/person_field.js';
/** @import { Answer, Attribute, Code } from '../types' */
/** @import { Draft } from './draft.js' */

/**
 * `event`: of the click that chose the value, if it was a click.
 *
 * @typedef {{onmark: (name: string) => void, onanswer: (name: string, value: Answer, event?: Event) => void,
 *   onguide: (name: string) => void}} PanelListeners
 */

/** On a touch screen the focus would open the keyboard over the photo, image after image. */
const TOUCH = matchMedia('(pointer: coarse)');
const NOTES = { known: 'answered earlier', accepted: 'accepted', filled: 'filled by the model', uncertain: 'uncertain', suggested: '', answered: '', empty: '' };

/**
 * A probability for people: whole percent, never "100 %".
 *
 * @param {number} probability
 */
function percent(probability) {
  return `${Math.min(99, Math.round(probability * 100))}\u00a0%`;
}

/** One attribute: its name and key, its values as buttons (or a field for a person), and the model's suggestion. */
class Row {
  /**
   * @param {Attribute} attribute
   * @param {PanelListeners} listeners
   */
  constructor(attribute, { onmark, onanswer, onguide }) {
    this.attribute = attribute;
    this.note = element('span', { class: 'note' });
    this.chosen = element('span', { class: 'chosen', 'aria-hidden': 'true' }); // narrow screens show only the marked attribute's values
    this.name = element('button', { type: 'button', class: 'name', tabindex: -1, onclick: () => onmark(attribute.name) },
      element('kbd', {}, (attribute.key ?? '').toUpperCase()),
      element('span', { class: 'title' }, attribute.title), this.chosen, this.note);
    this.values = element('div', { class: 'values' });
    const open = attribute.kind === 'open';
    this.field = open ? new PersonField(attribute, { onmark: () => onmark(attribute.name), onanswer: (name) => onanswer(attribute.name, name) }) : null;
    if (this.field) this.values.append(this.field.node, this.field.chip);
    const button = (/** @type {Code} */ code, /** @type {string} */ key, /** @type {string} */ name) => element('button', {
      type: 'button', class: code === null ? 'value unsure' : 'value', tabindex: -1, 'data-code': code ?? '-',
      onclick: (/** @type {Event} */ event) => onanswer(attribute.name, code, event) }, element('kbd', {}, key), name);
    /** @type {Map<Code, HTMLButtonElement>} */
    this.buttons = new Map(open ? [] : attribute.values.map(({ code, name }) => [code, button(code, String(code), name)]));
    this.values.append(...this.buttons.values());
    const unsure = button(null, '-', "can't tell");
    this.buttons.set(null, unsure);
    const guide = element('button', { type: 'button', class: 'guide', tabindex: -1, 'aria-label': `Guideline of ${attribute.title}`,
      onclick: () => onguide(attribute.name) }, 'i');
    const guided = attribute.guideline || attribute.examples.length > 0;
    this.node = element('div', { class: 'attribute', role: 'group', 'aria-label': attribute.title,
      'data-attribute': attribute.name }, this.name,
    element('div', { class: 'panel', 'data-title': attribute.title }, this.values, ...(guided ? [guide] : []), unsure));
  }

  /**
   * @param {Draft} draft
   * @param {boolean} current whether it is the marked attribute
   * @param {string} typed digits of a code that may be incomplete
   */
  render(draft, current, typed) {
    const { name, values, title } = this.attribute;
    const status = draft.status(name);
    const suggestion = draft.open(name);
    const replaced = draft.replaced(name);
    const answer = draft.answers.has(name) ? draft.answers.get(name)?.value : draft.known(name);
    this.node.dataset.status = status;
    if (current) this.node.setAttribute('aria-current', 'true');
    else this.node.removeAttribute('aria-current');
    for (const [code, button] of this.buttons) {
      button.setAttribute('aria-pressed', String(answer === code));
      button.classList.toggle('suggested', suggestion?.code === code);
      button.classList.toggle('replaced', replaced !== null && replaced === code);
      button.tabIndex = current ? 0 : -1;
      button.classList.toggle('possible', current && typed !== '' && String(code ?? '').startsWith(typed));
    }
    this.chosen.textContent = status === 'filled' ? 'filled' : this.wordOf(draft, answer ?? (answer === null ? null : suggestion?.code));
    this.field?.render(typeof answer === 'number' ? draft.nameOf(name, answer) : answer,
      suggestion && values.find(({ code }) => code === suggestion.code)?.name);
    const shown = [current && typed && `${typed}_`, replaced === null ? NOTES[status] : 'corrected', suggestion && percent(suggestion.probability)];
    this.note.textContent = shown.filter(Boolean).join(' ');
    this.node.setAttribute('aria-label', [title, this.note.textContent].filter(Boolean).join(', '));
  }

  /**
   * @param {Draft} draft
   * @param {Answer|undefined} answer
   */
  wordOf(draft, answer) {
    if (answer === null) return "can't tell";
    return typeof answer === 'number' ? draft.nameOf(this.attribute.name, answer) ?? String(answer) : answer ?? '';
  }
}

/** All attributes, one below the other. Built once; only states change from image to image. */
export class AttributePanel {
  /**
   * @param {HTMLElement} root
   * @param {Attribute[]} schema
   * @param {PanelListeners} listeners
   */
  constructor(root, schema, listeners) {
    this.rows = new Map(schema.map((attribute) => [attribute.name, new Row(attribute, listeners)]));
    root.replaceChildren(...[...this.rows.values()].map((row) => row.node));
  }

  /**
   * @param {Draft} draft
   * @param {?string} current the marked attribute
   * @param {string} [typed]
   */
  render(draft, current, typed = '') {
    for (const [name, row] of this.rows) row.render(draft, name === current, name === current ? typed : '');
  }

  /** The row of an attribute. @param {string} name */
  nodeOf(name) {
    return this.rows.get(name)?.node ?? null;
  }

  /**
   * Put the focus into the field of a person; other attributes have no field, so the focus leaves it.
   *
   * @param {?string} current
   */
  focus(current) {
    const field = current === null ? null : this.rows.get(current)?.field;
    const active = focused();
    if (field && !TOUCH.matches) field.focus();
    else if (field) field.close();
    else if (active?.closest('.attribute')) active.blur();
  }

  /**
   * Move the focus through the values of an attribute.
   *
   * @param {string} current
   * @param {1|-1} by
   */
  step(current, by) {
    const buttons = [...this.rows.get(current)?.buttons.values() ?? []];
    const place = buttons.findIndex((button) => button === document.activeElement);
    const from = place < 0 && by < 0 ? 0 : place;
    buttons[(from + by + buttons.length) % buttons.length].focus();
  }
}
