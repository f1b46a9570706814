/** A metric between 0 and 1 as a dot with its 95 % interval, beside the number. */
import { element } from './dom.js';
import { explained } from './explain/metric.js';
import { svgElement } from './svg.js';
/** @import { Metric } from '../types' */
/** @import { Numbers } from './explain/metric.js' */

const WIDTH = 120;
const EDGE = 4;

/** Where a value lies; what is below 0 (less than chance) is drawn at the edge. */
const place = (/** @type {number} */ value) => EDGE + Math.max(0, Math.min(1, value)) * (WIDTH - 2 * EDGE);

/**
 * @param {string} kind
 * @param {number} from
 * @param {number} to
 */
const line = (kind, from, to) => svgElement('line', { class: kind, x1: from, x2: to, y1: 8, y2: 8 });

/**
 * A metric between 0 and 1 for reading: .812, −.05 or 1.00.
 *
 * @param {number} value
 * @param {number} [digits]
 */
export function formatMetric(value, digits = 2) {
  return value.toFixed(digits).replace(/^(-?)0\./, '$1.').replace('-', '−');
}

/**
 * What the sentence about a metric needs: the number as it is read, and out of a hundred.
 *
 * @param {{value: ?number, low?: ?number, high?: ?number}} metric
 * @returns {Numbers}
 */
export function numbersOf({ value, low = null, high = null }) {
  const shown = (/** @type {?number} */ number) => (number === null ? null : formatMetric(number));
  return { value: shown(value), hundred: value === null || value < 0 ? null : Math.round(100 * value), low: high === null ? null : shown(low), high: low === null ? null : shown(high) };
}

/**
 * A metric as a dot with its interval on a line from 0 to 1, beside the number; a dash with the reason if there is no number.
 *
 * @param {Metric} metric
 * @param {{guide?: ?number, of?: string, word?: string, numbers?: Numbers}} [options] `guide`: where a dotted line is drawn; `of`: what the
 *   metric rests on; `word`: that of docs/words.md which explains it; `numbers`: what its sentence needs besides the metric
 */
export function interval({ value, low, high, reason }, { guide = null, of = '', word = '', numbers = {} } = {}) {
  if (value === null) return element('span', { class: 'no-value', title: reason ?? '' }, '–', element('span', { class: 'visually-hidden' }, ` ${reason ?? ''}`));
  const between = low === null || high === null ? '' : ` (95 %: ${formatMetric(low)} to ${formatMetric(high)})`;
  const drawing = svgElement('svg', { class: 'interval', viewBox: `0 0 ${WIDTH} 16`, 'aria-hidden': 'true' });
  drawing.append(line('axis', EDGE, WIDTH - EDGE));
  if (guide !== null) drawing.append(svgElement('line', { class: 'guide', x1: place(guide), x2: place(guide), y1: 1, y2: 15 }));
  if (low !== null && high !== null) drawing.append(line('range', place(low), place(high)));
  drawing.append(svgElement('circle', { class: 'point', cx: place(value), cy: 8, r: 4 }));
  const title = word ? null : `${formatMetric(value, 3)}${between}${low === null && reason ? `: ${reason}` : ''}`;
  const shown = element('span', { class: 'measured', title },
    element('b', {}, formatMetric(value)), drawing, element('span', { class: 'visually-hidden' }, between), of && element('span', { class: 'of' }, of));
  return word ? explained(word, { ...numbersOf({ value, low, high }), ...numbers }, shown) : shown;
}
