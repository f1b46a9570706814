import { count, element } from '../lib/dom.js';
import { explained } from '../lib/explain/metric.js';
import { numbersOf } from '../lib/interval.js';
import { answersUrl } from '../lib/urls.js';
/** @import { Attribute, Round, TestMetrics } from '../types' */
/** @import { Numbers } from '../lib/explain/metric.js' */

const WEAK = 0.7; // a recall below this is coloured as a warning

/**
 * .812, or – where there is nothing to measure.
 *
 * @param {?number} [value]
 */
function formatted(value) {
  return typeof value === 'number' ? value.toFixed(3).replace(/^0/, '') : '–';
}

/**
 * @param {string} word that explains it
 * @param {?number} [value]
 * @param {Numbers} [numbers]
 */
function measured(word, value, numbers = {}) {
  return typeof value === 'number' ? explained(word, { ...numbersOf({ value }), ...numbers }, formatted(value)) : formatted(value);
}

/**
 * Recall of one class, as a small bar with its number; the name leads to the audit images of the class.
 *
 * @param {string} attribute
 * @param {string} code
 * @param {string} name
 * @param {?number} value
 */
function recall(attribute, code, name, value) {
  const images = new URLSearchParams({ attribute, value: code, split: 'test', excluded: 'without' });
  const filled = element('span');
  filled.style.inlineSize = `${Math.round((value ?? 0) * 100)}%`;
  const bar = element('div', { class: (value ?? 0) < WEAK ? 'bar weak' : 'bar', 'aria-hidden': 'true' }, filled);
  return element('li', {}, element('a', { class: 'class', title: name, href: answersUrl(images) }, name), bar, element('span', { class: 'metric' }, measured('recall', value, { name })));
}

/**
 * @param {Attribute|undefined} attribute
 * @param {string} name
 * @param {TestMetrics} [test]
 */
function row(attribute, name, test = {}) {
  const named = (/** @type {string} */ code) => attribute?.values.find((value) => String(value.code) === code)?.name ?? code;
  const recalls = Object.entries(test.recall ?? {}).map(([code, value]) => recall(name, code, named(code), value));
  const basis = { images: count(test.images ?? 0, 'audit image'), groups: typeof test.groups === 'number' ? count(test.groups, 'group') : null };
  const cells = [test.images ?? 0, test.groups ?? '–'].map((text) => element('td', { class: 'number' }, String(text)));
  return element('tr', {}, element('th', { scope: 'row' }, attribute?.title ?? name), ...cells,
    element('td', { class: 'number' }, element('b', {}, measured('balanced accuracy', test.balanced_accuracy, basis))),
    element('td', { class: 'number' }, measured('accuracy', test.accuracy, basis)),
    element('td', {}, recalls.length > 0 ? element('ul', { class: 'recalls' }, ...recalls) : 'no held-out image is labelled'));
}

/**
 * The table of a finished round: one row per attribute, metrics of the test split.
 *
 * @param {NonNullable<Round['metrics']>} metrics by attribute
 * @param {Attribute[]} schema
 */
export function metricsTable(metrics, schema) {
  const order = schema.map((attribute) => attribute.name).filter((name) => name in metrics);
  const names = [...order, ...Object.keys(metrics).filter((name) => !order.includes(name))];
  if (names.length === 0) return element('p', { class: 'muted' }, 'This round has no metrics.');
  const heads = [['Attribute', ''], ['Test images', 'number', 'audit images'], ['Groups', 'number', 'groups'], ['Balanced accuracy', 'number', 'balanced accuracy'], ['Accuracy', 'number', 'accuracy'], ['Recall of each class', '', 'recall']];
  const head = element('tr', {}, ...heads.map(([text, kind, word]) => element('th', { scope: 'col', class: kind || null }, word ? explained(word, {}, text) : text)));
  const rows = names.map((name) => row(schema.find((attribute) => attribute.name === name), name, metrics[name].test));
  return element('div', { class: 'table' }, element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows)));
}
