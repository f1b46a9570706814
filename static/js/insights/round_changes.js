/** What a round changed, as a table: metrics against the round before, with intervals, and the head of the queue. */
import { element } from '../lib/dom.js';
import { explained } from '../lib/explain/metric.js';
import { formatMetric, interval, numbersOf } from '../lib/interval.js';
/** @import { Attribute, AttributeChange, Metric, RoundChanges } from '../types' */

const points = (/** @type {number} */ share) => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)}`;

const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`;

/**
 * By how much it is better or worse; plain if the interval says that it may be neither.
 *
 * @param {?Metric} difference
 */
function differenceCell(difference) {
  if (difference === null || difference.value === null) return element('td', { class: 'number' }, '–');
  const { value, low, high } = difference;
  const kind = low !== null && low > 0 ? 'better' : high !== null && high < 0 ? 'worse' : 'same';
  const between = low === null || high === null ? '' : `${points(low)} to ${points(high)}`;
  return element('td', { class: 'number' }, element('b', { class: kind }, explained('difference', { points: points(value) }, points(value))), between && element('small', {}, between));
}

/**
 * @param {AttributeChange} change
 * @param {Attribute[]} schema
 */
function row({ attribute, now, before, difference, changed }, schema) {
  const title = schema.find(({ name }) => name === attribute)?.title ?? attribute;
  return element('tr', { 'data-attribute': attribute }, element('th', { scope: 'row' }, title), element('td', {}, interval(now, { word: 'balanced accuracy' })),
    element('td', { class: 'number' }, before?.value == null ? '–' : explained('balanced accuracy', numbersOf(before), formatMetric(before.value))), differenceCell(difference),
    element('td', { class: 'number' }, changed === null ? '–' : explained('predictions changed', { percent: percent(changed) }, percent(changed))));
}

/**
 * @param {RoundChanges} changes
 * @param {Attribute[]} schema
 * @returns {Node[]}
 */
export function changesTable({ previous, attributes, head, new_in_head: fresh, report_url: report }, schema) {
  const before = previous === null ? 'Previous' : `Round ${previous}`;
  const heads = [['Attribute'], ['Balanced accuracy, audit set', '', 'balanced accuracy'], [before, 'number'], ['Difference, points', 'number', 'difference'], ['Predictions changed', 'number', 'predictions changed']];
  const table = element('table', {}, element('thead', {}, element('tr', {}, ...heads.map(([text, kind, word]) => element('th', { scope: 'col', class: kind || null }, word ? explained(word, {}, text) : text)))),
    element('tbody', {}, ...attributes.map((change) => row(change, schema))));
  const queue = previous === null ? 'This is the first round, so there is no comparison.'
    : fresh === null ? 'One of the two rounds was pruned, so their queues and predictions are not compared. Both are measured on the audit images that are labelled so far.'
    : `${fresh} of the first ${head} images in the queue are new there. Both rounds are measured on the audit images that are labelled so far.`;
  const notes = element('p', { class: 'muted' }, `${queue} `, report === null ? '' : element('a', { href: report, 'data-needs': 'reviewer' }, 'Training report'));
  return [element('div', { class: 'table' }, table), notes];
}
