/** What changed between two snapshots. */
import { count, element, labellerName } from '../lib/dom.js';
/** @import { CellChange, Counted, SnapshotDiff } from '../types' */

/** @type {[keyof Omit<SnapshotDiff['images'], 'unchanged'>, string][]} */
const KINDS = [['added', 'added'], ['removed', 'removed'], ['renamed', 'renamed'], ['replaced', 'with different content'], ['regrouped', 'moved to another group']];
const MOST = 12; // values of an attribute that make a readable matrix

/**
 * Show a comparison.
 *
 * @param {HTMLElement} place what it replaces
 * @param {SnapshotDiff} diff
 * @param {Map<string, string>} titles of the attributes, by name
 */
export function showDiff(place, diff, titles) {
  if (diff.same) {
    place.replaceChildren(element('p', {}, `No differences: ${count(diff.images.unchanged, 'image')} with the same labels.`));
    return;
  }
  const attributes = Object.entries(diff.cells).map(([name, changes]) => attribute(name, titles.get(name) ?? name, changes, diff.names[name] ?? {}));
  place.replaceChildren(
    element('p', {}, `${count(diff.images.unchanged, 'image')} unchanged, ${count(diff.changed_cells, 'cell')} differ.`),
    list([
      ...diff.schema_changes.map((change) => `Schema: ${change}`),
      ...KINDS.filter(([kind]) => diff.images[kind].count).map(([kind, words]) => named(diff.images[kind], words)),
      ...diff.splits.map(({ from, to, images }) => `${count(images, 'image')} moved from ${from} to ${to}`),
      ...Object.entries(diff.filled).flatMap(([name, changes]) => changes.map(({ from, to, cells }) => `${titles.get(name) ?? name}, filled by the model: ${count(cells, 'cell')} from ${from} to ${to}`)),
      ...diff.people.filter(({ origin }) => origin !== 'model').map(({ labeller, origin, cells }) => `${count(cells, 'cell')} by ${labeller ? labellerName(labeller, 'you') : 'an unknown labeller'} (${origin || 'no answer'})`),
    ]),
    ...attributes,
  );
}

const list = (/** @type {string[]} */ texts) => element('ul', {}, ...texts.map((text) => element('li', {}, text)));

/**
 * @param {Counted} images
 * @param {string} words
 */
function named({ count: number, first }, words) {
  return `${count(number, 'image')} ${words}: ${first.join(', ')}${number > first.length ? ', …' : ''}`;
}

/**
 * From → to: a matrix where the values are few, a list of the most frequent changes where they are many.
 *
 * @param {string} name of the attribute
 * @param {string} title
 * @param {CellChange[]} changes
 * @param {Record<string, string>} names of the values
 */
function attribute(name, title, changes, names) {
  const word = (/** @type {string} */ code) => names[code] ?? code;
  const codes = (/** @type {'from'|'to'} */ side) => [...new Set(changes.map((change) => change[side]))];
  const [rows, columns] = [codes('from'), codes('to')];
  if (rows.length > MOST || columns.length > MOST) {
    const most = [...changes].sort((one, other) => other.cells - one.cells).slice(0, MOST);
    return element('section', {}, element('h3', {}, title), list(most.map(({ from, to, cells }) => `${word(from)} → ${word(to)}: ${count(cells, 'cell')}`)));
  }
  const cells = new Map(changes.map((change) => [`${change.from},${change.to}`, change.cells]));
  const head = element('tr', {}, element('th', { scope: 'col' }, 'from \u2193 to \u2192'), ...columns.map((code) => element('th', { scope: 'col', class: 'number' }, word(code))));
  const body = rows.map((from) => element('tr', {}, element('th', { scope: 'row' }, word(from)),
    ...columns.map((to) => element('td', { class: 'number' }, cells.get(`${from},${to}`)?.toLocaleString('en') ?? ''))));
  return element('section', { class: 'table changes', 'data-attribute': name }, element('h3', {}, title),
    element('table', {}, element('thead', {}, head), element('tbody', {}, ...body)));
}
