/** How an attribute looks: to read, and to change. */
import { count, element } from '../lib/dom.js';
import { addPart, addValue, fateOf, removeValue, setFate } from './schema_draft.js';
import { exampleList, examplesEditor } from '../lib/explain/examples.js';
/** @import { DraftAttribute, DraftValue } from './schema_draft.js' */

/** @typedef {(focus: string) => void} Redraw called when the card must be drawn anew, with the data-focus to go to */

/** @param {Event} event @returns {HTMLInputElement} */
const fieldIn = (event) => /** @type {HTMLInputElement} */ (event.target);

/** A value in words: "2 sunglasses". */
const called = (/** @type {{code: number, name: string}} */ { code, name }) => `${code} ${name}`.trim();

/**
 * @param {DraftAttribute} attribute
 * @param {DraftValue} value
 */
function fateInWords(attribute, value) {
  const into = value.replaced_by.map((code) => called(attribute.values.find((other) => other.code === code) ?? { code, name: '' }));
  if (into.length > 1) return `split into ${into.join(', ')}`;
  return into.length === 1 ? `merged into ${into[0]}` : 'retired';
}

/**
 * @param {DraftAttribute} attribute
 */
function facts(attribute) {
  const labelled = attribute.people === null ? count(attribute.labelled, 'label') : `${count(attribute.labelled, 'label')}, ${attribute.people === 1 ? '1 person' : `${attribute.people.toLocaleString('en')} people`}`;
  return [labelled, attribute.required ? 'required' : 'optional', attribute.kind === 'open' && 'open', attribute.groups && 'defines groups'].filter(Boolean).join(' · ');
}

/**
 * @param {DraftAttribute} attribute
 * @param {...Node} tools
 */
function head(attribute, ...tools) {
  return element('div', { class: 'attribute-head' }, element('h2', {}, attribute.title || 'A new attribute'), element('kbd', {}, attribute.key),
    element('code', {}, attribute.name), element('span', { class: 'muted' }, facts(attribute)), element('span', { class: 'tools' }, ...tools));
}

/**
 * @param {DraftAttribute} attribute
 * @param {DraftValue} value
 */
function valueLine(attribute, value) {
  const retired = value.status === 'retired';
  const marks = [...(retired ? [fateInWords(attribute, value)] : []), ...(value.ends ? ['no more questions'] : [])];
  return element('li', { 'data-status': value.status }, element('b', { class: 'code' }, String(value.code)), element('span', {}, value.name),
    element('span', { class: 'muted' }, value.labels.toLocaleString('en')), ...marks.map((words) => element('span', { class: 'mark' }, words)));
}

/**
 * An attribute to read.
 *
 * @param {DraftAttribute} attribute
 * @param {Node[]} tools buttons; empty for those who may not change it
 */
export function readCard(attribute, tools) {
  const guide = attribute.guideline && element('p', { class: 'guideline' }, attribute.guideline);
  const values = attribute.values.length === 0 ? element('p', { class: 'muted' }, 'Names that labellers add.')
    : element('ul', { class: 'value-list', 'aria-label': `Values of ${attribute.title}, with their labels` },
      ...attribute.values.map((value) => valueLine(attribute, value)));
  return element('li', { class: 'card attribute', 'data-attribute': attribute.name }, head(attribute, ...tools), guide || '', exampleList(attribute), values);
}

/**
 * @param {string} label
 * @param {Node} input
 */
function field(label, input) {
  return element('label', {}, label, input);
}

/**
 * @template {string} Name
 * @param {Record<Name, string>} object
 * @param {Name} name
 * @param {() => void} changed
 * @param {Object<string, any>} [more] attributes of the field
 */
function text(object, name, changed, more = {}) {
  return element('input', { value: object[name], maxlength: 200, autocomplete: 'off', spellcheck: 'false', ...more,
    oninput: (/** @type {Event} */ event) => {
      Object.assign(object, { [name]: fieldIn(event).value });
      changed();
    } });
}

/**
 * @template {string} Name
 * @param {Record<Name, boolean>} object
 * @param {Name} name
 * @param {() => void} changed
 */
function check(object, name, changed) {
  return element('input', { type: 'checkbox', checked: object[name],
    onchange: (/** @type {Event} */ event) => {
      Object.assign(object, { [name]: fieldIn(event).checked });
      changed();
    } });
}

/**
 * @param {DraftAttribute} attribute
 * @param {DraftValue} value
 * @param {Redraw} redraw
 */
function fateSelect(attribute, value, redraw) {
  const now = fateOf(value);
  const option = (/** @type {string} */ fate, /** @type {string} */ words) => element('option', { value: fate, selected: fate === now }, words);
  const others = attribute.values.filter((other) => other !== value && other.name && (other.status === 'active' || String(other.code) === now));
  return element('select', { 'aria-label': `Action for ${called(value)}`, 'data-focus': `fate ${value.code}`,
    onchange: (/** @type {Event} */ event) => {
      const fate = fieldIn(event).value;
      setFate(attribute, value, fate);
      redraw(fate === 'split' ? `name ${value.replaced_by[0]}` : `fate ${value.code}`);
    } },
  option('stays', value.wasRetired ? 'restore' : 'keep'), option('retired', value.wasRetired ? 'keep retired' : 'retire'),
  ...(value.wasRetired ? [] : [option('split', 'split into …'), ...others.map((other) => option(String(other.code), `merge into ${called(other)}`))]));
}

/**
 * @param {DraftAttribute} attribute
 * @param {DraftValue} value
 * @param {Redraw} redraw
 */
function fateCell(attribute, value, redraw) {
  if (!value.old) {
    return element('button', { type: 'button', 'aria-label': `Remove ${called(value)}`,
      onclick: () => {
        removeValue(attribute, value);
        redraw('add value');
      } }, 'Remove');
  }
  if (value.wasRetired && value.replaced_by.length > 0) return element('span', { class: 'muted' }, fateInWords(attribute, value));
  const cell = element('span', { class: 'fate' }, fateSelect(attribute, value, redraw));
  if (fateOf(value) === 'split') {
    cell.append(element('button', { type: 'button', 'aria-label': `Add a part to ${called(value)}`,
      onclick: () => {
        addPart(attribute, value);
        redraw(`name ${value.replaced_by.at(-1)}`);
      } }, '+ part'));
  }
  return cell;
}

/**
 * @param {DraftAttribute} attribute
 * @param {DraftValue} value
 * @param {() => void} changed
 * @param {Redraw} redraw
 */
function valueRow(attribute, value, changed, redraw) {
  const whole = attribute.values.find((other) => other.replaced_by.length > 1 && other.replaced_by.includes(value.code));
  const name = text(value, 'name', changed, { 'aria-label': `Name of value ${value.code}`, 'data-focus': `name ${value.code}`, disabled: value.wasRetired, class: 'value-name' });
  return element('tr', { 'data-code': value.code, 'data-status': value.status },
    element('th', { scope: 'row' }, String(value.code)), element('td', {}, name, whole ? element('span', { class: 'muted part' }, `part of ${called(whole)}`) : ''),
    element('td', { class: 'number' }, value.labels.toLocaleString('en')), element('td', {}, fateCell(attribute, value, redraw)),
    element('td', {}, element('label', { class: 'ends' }, check(value, 'ends', changed), 'no more questions')));
}

/**
 * @param {DraftAttribute} attribute
 * @param {() => void} changed
 * @param {Redraw} redraw
 */
function valueTable(attribute, changed, redraw) {
  if (attribute.kind === 'open') return element('p', { class: 'muted' }, 'Names that labellers add. Rename and merge them on the People page.');
  const heads = ['Code', 'Name', 'Labels', 'Action', 'Afterwards'].map((words) => element('th', { scope: 'col' }, words));
  return element('div', {}, element('table', {}, element('thead', {}, element('tr', {}, ...heads)),
    element('tbody', {}, ...attribute.values.map((value) => valueRow(attribute, value, changed, redraw)))),
  element('button', { type: 'button', 'data-focus': 'add value',
    onclick: () => redraw(`name ${addValue(attribute).code}`) }, 'Add a value'));
}

/**
 * @param {DraftAttribute} attribute
 * @param {() => void} changed
 */
function guideline(attribute, changed) {
  const area = element('textarea', { rows: 3, maxlength: 10000,
    oninput: (/** @type {Event} */ event) => {
      attribute.guideline = fieldIn(event).value;
      changed();
    } });
  area.value = attribute.guideline;
  return area;
}

/**
 * @param {DraftAttribute} attribute
 * @param {Redraw} redraw
 */
function kindSelect(attribute, redraw) {
  const kinds = [['categorical', 'a fixed list of values'], ['open', 'a name that labellers add']];
  return element('select', { 'data-focus': 'kind',
    onchange: (/** @type {Event} */ event) => {
      attribute.kind = fieldIn(event).value === 'open' ? 'open' : 'categorical';
      attribute.values = [];
      if (attribute.kind === 'categorical') [addValue(attribute), addValue(attribute)].forEach((value, index) => { value.name = ['no', 'yes'][index]; });
      redraw('kind');
    } }, ...kinds.map(([kind, words]) => element('option', { value: kind, selected: kind === attribute.kind }, words)));
}

/**
 * An attribute to change.
 *
 * @param {DraftAttribute} attribute it is changed in place
 * @param {Node[]} tools buttons of its head
 * @param {() => void} changed called after each change
 * @param {Redraw} redraw
 */
export function editCard(attribute, tools, changed, redraw) {
  const settings = element('div', { class: 'controls' },
    field('Title', text(attribute, 'title', changed, { 'data-focus': 'title', class: 'wide' })),
    field('Key', text(attribute, 'key', changed, { maxlength: 1, class: 'letter' })),
    field('Column in labels.csv', text(attribute, 'name', changed, { maxlength: 63, class: 'wide', pattern: '[a-z][a-z0-9_]*' })),
    ...(attribute.old === null ? [field('Type of answer', kindSelect(attribute, redraw))] : []),
    element('label', { class: 'inline' }, check(attribute, 'required', changed), 'required'));
  return element('li', { class: 'card attribute editing', 'data-attribute': attribute.old ?? '' }, head(attribute, ...tools), settings,
    element('label', { class: 'guideline-field' }, 'Guideline', guideline(attribute, changed)), examplesEditor(attribute, redraw), valueTable(attribute, changed, redraw));
}
