/** The fields in which a person chooses what a column, its values, and flat labels mean. */
import { element, find, findAll } from '../lib/dom.js';
/** @import { Attribute, MappedColumn, MappedLabel, MappedValue, MappingChange } from '../types' */

/** @typedef {{schema: Attribute[], view: ?{kind: string}, change: (choice: MappingChange) => void}} Chooser */

const CANNOT_TELL = "can't tell";
const SHOWN = 8; // values of an ignored column
let fields = 0;

/**
 * @param {string} value
 * @param {string} text
 * @param {string} chosen
 */
const option = (value, text, chosen) => element('option', { value, selected: value === chosen }, text);

/** @param {Attribute|undefined} attribute */
const namesOf = (attribute) => [...attribute?.values.map(({ name }) => name) ?? [], CANNOT_TELL];

/**
 * A row: a name with its count on the left, a field on the right.
 *
 * @param {'li'|'div'} tag
 * @param {string} name
 * @param {string} note
 * @param {HTMLSelectElement} field
 */
function row(tag, name, note, field) {
  fields += 1;
  field.id = `choice-${fields}`;
  return element(tag, { class: 'row' }, element('label', { for: field.id, title: name }, element('span', { class: 'name' }, name), ' ',
    element('span', { class: 'muted' }, note)), field);
}

/**
 * The select of a value.
 *
 * @param {MappedColumn} column
 * @param {MappedValue} value
 * @param {Chooser} chooser
 */
function valueRow(column, { value, count, answer }, chooser) {
  const names = namesOf(chooser.schema.find(({ name }) => name === column.attribute));
  const field = element('select', { 'data-value': value }, option('', 'not labelled', answer),
    ...[...new Set(answer ? [...names, answer] : names)].map((name) => option(name, name, answer)));
  field.addEventListener('change', () => {
    chooser.change({ column: column.name, attribute: column.attribute, values: { [value]: field.value } });
  });
  return row('li', value, `× ${count.toLocaleString('en')}`, field);
}

/**
 * @param {MappedColumn} column
 * @param {Chooser} chooser
 */
function readingRow(column, chooser) {
  const field = element('select', { required: true }, option('', 'choose …', ''),
    ...column.readings.map((title, number) => option(String(number), title, String(column.reading ?? ''))));
  field.addEventListener('change', () => {
    if (field.value) chooser.change({ column: column.name, attribute: column.attribute, reading: Number(field.value) });
  });
  const reading = row('div', 'These values can be read in two ways', '', field);
  reading.classList.add('reading');
  return reading;
}

/**
 * What stands below a column's name: its reading and its values, or only some of them.
 *
 * @param {MappedColumn} column
 * @param {Chooser} chooser
 */
function bodyOf(column, chooser) {
  const attribute = chooser.schema.find(({ name }) => name === column.attribute);
  const isAsked = attribute !== undefined && attribute.kind === 'categorical';
  const shown = isAsked ? column.values.length : Math.min(SHOWN, column.values.length);
  const rest = column.distinct - shown;
  const more = rest > 0 ? `${column.distinct >= 2000 ? 'more than ' : ''}${rest.toLocaleString('en')} more` : '';
  if (isAsked && column.readings.length > 0 && column.reading === null) return [readingRow(column, chooser)];
  if (isAsked) {
    return [...(column.readings.length > 0 ? [readingRow(column, chooser)] : []),
      element('ul', { class: 'values' }, ...column.values.map((value) => valueRow(column, value, chooser))),
      ...(more ? [element('p', { class: 'muted' }, `and ${more} values, which are read by their names`)] : [])];
  }
  const some = [...column.values.slice(0, SHOWN).map(({ value }) => value), ...(more ? [more] : [])].join(', ');
  return some ? [element('p', { class: 'muted some' }, attribute ? `Names, taken as they are: ${some}` : some)] : [];
}

/** @param {MappedColumn} column */
const shapeOf = ({ attribute, readings, reading }) => JSON.stringify([attribute, readings, reading !== null]);

/**
 * A column with the attribute that it answers, and its values.
 *
 * @param {MappedColumn} column
 * @param {Chooser} chooser
 */
export function columnCard(column, chooser) {
  const isFolder = chooser.view?.kind === 'folders';
  const field = element('select', { class: 'attribute' }, option('', isFolder ? 'nothing: only folders' : 'ignored', column.attribute),
    ...chooser.schema.map(({ name, title }) => option(name, title, column.attribute)));
  field.addEventListener('change', () => chooser.change({ column: column.name, attribute: field.value }));
  const name = isFolder ? `Folders in ${column.name}/` : column.name;
  const note = isFolder ? `${column.count.toLocaleString('en')} images` : `${column.count.toLocaleString('en')} labels`;
  const head = row('div', name, note, field);
  head.classList.add('head');
  return element('div', { class: 'column', 'data-column': column.name, 'data-shape': shapeOf(column), 'data-attribute': column.attribute },
    head, element('div', { class: 'body' }, ...bodyOf(column, chooser)));
}

/**
 * Show what has changed of a column; fields that stay keep the focus.
 *
 * @param {HTMLElement} card
 * @param {MappedColumn} column
 * @param {Chooser} chooser
 */
export function updateColumn(card, column, chooser) {
  find(card, '.attribute', HTMLSelectElement).value = column.attribute;
  card.dataset.attribute = column.attribute;
  if (card.dataset.shape !== shapeOf(column)) {
    card.dataset.shape = shapeOf(column);
    find(card, '.body').replaceChildren(...bodyOf(column, chooser));
    return;
  }
  const answers = new Map(column.values.map(({ value, answer }) => [value, answer]));
  for (const field of findAll(card, '[data-value]')) {
    if (field instanceof HTMLSelectElement) field.value = answers.get(field.dataset.value ?? '') ?? '';
  }
}

/**
 * The flat labels of a source.
 *
 * @param {MappedLabel[]} labels
 * @param {Chooser} chooser
 */
export function labelList(labels, chooser) {
  if (labels.length === 0) return [];
  const rows = labels.map(({ label, count, attribute, value }) => {
    const chosen = JSON.stringify([attribute, value]);
    const field = element('select', { 'data-value': label }, option(JSON.stringify(['', '']), 'ignored', chosen),
      ...chooser.schema.filter(({ kind }) => kind === 'categorical').map((one) => element('optgroup', { label: one.title },
        ...namesOf(one).map((name) => option(JSON.stringify([one.name, name]), `${one.title}: ${name}`, chosen)))));
    field.addEventListener('change', () => {
      const [its, name] = JSON.parse(field.value);
      chooser.change({ label, attribute: its, value: name });
    });
    return row('li', label, `× ${count.toLocaleString('en')}`, field);
  });
  return [element('div', { class: 'column' }, element('ul', { class: 'values' }, ...rows))];
}
