/** What an import did, or would do, in numbers and lists. */
import { element } from '../lib/dom.js';
/** @import { Counted, ImportReport } from '../types' */

/**
 * A folded list with its length, for entries that a person may want to check.
 *
 * @template T
 * @param {string} title
 * @param {Counted<T>} entries
 * @param {(entry: T) => string} line
 * @param {boolean} [open] unfolded
 */
function list(title, { count, first }, line, open = false) {
  if (!count) return [];
  const rest = count - first.length;
  const more = rest > 0 ? [element('li', { class: 'muted' }, `and ${rest.toLocaleString('en')} more, see imports/ in the project`)] : [];
  return [element('details', { open }, element('summary', {}, `${title}: ${count.toLocaleString('en')}`),
    element('ul', {}, ...first.map((entry) => element('li', {}, line(entry))), ...more))];
}

/** @param {[name: string, number: number][]} numbers */
function totals(numbers) {
  return element('dl', { class: 'totals' }, ...numbers.map(([name, number]) =>
    element('div', {}, element('dt', {}, name), element('dd', {}, number.toLocaleString('en')))));
}

/** @param {NonNullable<ImportReport['labels']>['values']} attributes */
function values(attributes) {
  const parts = Object.entries(attributes).map(([attribute, counts]) => element('li', {}, element('b', {}, attribute), ': ',
    Object.entries(counts).map(([value, number]) => `${value} ${number.toLocaleString('en')}`).join(', ')));
  return parts.length > 0 ? [element('details', { open: true }, element('summary', {}, 'Labels by value'), element('ul', {}, ...parts))] : [];
}

/**
 * @param {ImportReport} report as docs/api.md describes it
 * @returns {Array<Node>}
 */
export function reportOf(report) {
  const { images, labels, unmapped } = report;
  const would = report.dry_run ? 'would be ' : '';
  /** @type {[string, number][]} */
  const numbers = [[`images ${would}imported`, images.imported], ['already in the project', images.already],
    ['duplicates', images.duplicates.count], ['refused', images.refused.count], ['other files ignored', images.left_aside],
    ['faces imported', images.faces ?? 0]];
  if (labels) {
    numbers.push(['rows with labels', labels.rows], [`labels ${would}added`, labels.added], [`${would}replaced`, labels.replaced],
      ['unchanged', labels.unchanged], ['kept: a person answered differently', labels.kept]);
  }
  const parts = [element('p', {}, 'Read as ', element('b', {}, report.format), '.'), totals(numbers.filter(([, number], place) => number || place === 0)),
    ...(images.texts ?? []).map((text) => element('p', { class: 'muted' }, text)),
    ...(report.notes ?? []).map((note) => element('p', { class: 'muted' }, note)),
    ...list('Ignored faces, outside their image or of another file', images.misfits ?? { count: 0, first: [] }, (name) => name),
    ...list('Refused', images.refused, ([name, reason]) => `${name} ${reason}`, images.imported === 0),
    ...list('Not read', report.unread ?? { count: 0, first: [] }, ([place, reason]) => `${place}: ${reason}`),
    ...list('Imported with a note', images.notes ?? { count: 0, first: [] }, ([name, note]) => `${name}: ${note}`),
    ...list('Ignored labels, without a counterpart in this project', unmapped, ([label, number]) => `${label} (${number.toLocaleString('en')} times)`),
    ...list('Duplicates', images.duplicates, ([name, other]) => `${name} is the same image as ${other}`),
    ...list('Renamed, because another image has the name', images.renamed, ([name, other]) => `${name} is now ${other}`)];
  if (!labels) return parts;
  const absent = { count: labels.absent.count, first: labels.absent.first };
  return [...parts, ...values(labels.values), ...labels.notes.map((note) => element('p', { class: 'muted' }, note)),
    ...(labels.texts ?? []).map((text) => element('p', { class: 'muted' }, text)),
    ...list('Rows for images that are not in the project', absent, (name) => name),
    ...list('Rows that name an image in another folder', labels.elsewhere ?? { count: 0, first: [] }, ([name, other]) => `${name} is not ${other}`),
    ...list('Rows that may mean several images', labels.ambiguous ?? { count: 0, first: [] }, ([name, meant]) => `${name} may be ${meant}`),
    ...list('Cells with two different answers, left unlabelled', labels.contradictions, ([image, attribute]) => `${image}: ${attribute}`),
    ...(labels.left_aside.length > 0 ? [element('p', { class: 'muted' }, `Ignored columns: ${labels.left_aside.join(', ')}`)] : [])];
}
