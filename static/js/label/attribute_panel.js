import { element } from '../lib/dom.js';
import { PersonField } from '../lib/person_field.js';

const NOTES = { known: 'before', accepted: 'accepted', doubtful: 'doubtful', suggested: '', answered: '', empty: '' };

/** A probability for people: whole percent, never "100 %". */
function percent(probability) {
  return `${Math.min(99, Math.round(probability * 100))}\u00a0%`;
}

/** One attribute: its name and key, its values as buttons (or a person's field), what the model thinks. */
class Row {
  constructor(attribute, { onmark, onanswer, onguide }) {
    this.attribute = attribute;
    this.note = element('span', { class: 'note' });
    this.name = element('button', { type: 'button', class: 'name', tabindex: -1, onclick: () => onmark(attribute.name) },
      element('kbd', {}, (attribute.key ?? '').toUpperCase()),
      element('span', { class: 'title' }, attribute.title), this.note);
    this.values = element('div', { class: 'values' });
    const answer = (value, event) => onanswer(attribute.name, value, event);
    if (attribute.kind === 'open') {
      this.field = new PersonField(attribute, { onmark: () => onmark(attribute.name), onanswer: answer });
      this.values.append(this.field.node, this.field.chip);
    }
    const codes = attribute.kind === 'open' ? [] : attribute.values;
    this.buttons = new Map(codes.map((value) => [value.code, this.button(value.code, String(value.code), value.name, answer)]));
    this.values.append(...this.buttons.values());
    const unsure = this.button(null, '-', "can't tell", answer);
    this.buttons.set(null, unsure);
    const guide = element('button', { type: 'button', class: 'guide', tabindex: -1, 'aria-label': `Guideline of ${attribute.title}`,
      onclick: () => onguide(attribute.name) }, 'i');
    const guided = attribute.guideline || attribute.examples.length > 0;
    this.node = element('div', { class: 'attribute', role: 'group', 'aria-label': attribute.title,
      'data-attribute': attribute.name }, this.name, this.values, ...(guided ? [guide] : []), unsure);
  }

  button(code, key, name, answer) {
    return element('button', { type: 'button', class: code === null ? 'value unsure' : 'value', tabindex: -1,
      'data-code': code ?? '-', onclick: (event) => answer(code, event) }, element('kbd', {}, key), name);
  }

  /** @param {import('./draft.js').Draft} draft */
  render(draft, current, typed) {
    const { name, values, title } = this.attribute;
    const status = draft.status(name);
    const suggestion = draft.open(name);
    const replaced = draft.replaced(name);
    const given = draft.answers.has(name) ? draft.answers.get(name).value : draft.known(name);
    this.node.dataset.status = status;
    if (current) this.node.setAttribute('aria-current', 'true');
    else this.node.removeAttribute('aria-current');
    for (const [code, button] of this.buttons) {
      button.setAttribute('aria-pressed', String(given === code));
      button.classList.toggle('suggested', suggestion?.code === code);
      button.classList.toggle('replaced', replaced !== null && replaced === code);
      button.tabIndex = current ? 0 : -1;
      button.classList.toggle('possible', current && typed !== '' && String(code ?? '').startsWith(typed));
    }
    this.field?.render(typeof given === 'number' ? draft.nameOf(name, given) : given,
      suggestion && values.find(({ code }) => code === suggestion.code)?.name);
    const shown = [current && typed && `${typed}_`, replaced === null ? NOTES[status] : 'corrected', suggestion && percent(suggestion.probability)];
    this.note.textContent = shown.filter(Boolean).join(' ');
    this.node.setAttribute('aria-label', [title, this.note.textContent].filter(Boolean).join(', '));
  }
}

/** All attributes, one below the other. Built once; only states change from image to image. */
export class AttributePanel {
  /**
   * @param {HTMLElement} root
   * @param {Object[]} schema
   * @param {{onmark: (name: string) => void, onanswer: (name: string, value: *) => void,
   *   onguide: (name: string) => void}} listeners
   */
  constructor(root, schema, listeners) {
    this.rows = new Map(schema.map((attribute) => [attribute.name, new Row(attribute, listeners)]));
    root.replaceChildren(...[...this.rows.values()].map((row) => row.node));
  }

  render(draft, current, typed = '') {
    for (const [name, row] of this.rows) row.render(draft, name === current, name === current ? typed : '');
  }

  /** Put the cursor where the current attribute wants it: into a person's field, else nowhere. */
  focus(current) {
    const field = this.rows.get(current)?.field;
    if (field) field.focus();
    else if (document.activeElement?.closest('.attribute')) document.activeElement.blur();
  }

  /** Move the focus through the values of an attribute. */
  step(current, by) {
    const buttons = [...this.rows.get(current).buttons.values()];
    const at = buttons.indexOf(document.activeElement);
    const from = at < 0 && by < 0 ? 0 : at;
    buttons[(from + by + buttons.length) % buttons.length].focus();
  }
}
