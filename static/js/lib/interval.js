/** A figure between 0 and 1 as a dot with its 95 % interval, beside the number. */
import { element } from './dom.js';
import { shape } from './svg.js';

const WIDTH = 120;
const EDGE = 4;

/** Where a value lies; what is below 0 (less than chance) is drawn at the edge. */
const place = (value) => EDGE + Math.max(0, Math.min(1, value)) * (WIDTH - 2 * EDGE);

const line = (kind, from, to) => shape('line', { class: kind, x1: from, x2: to, y1: 8, y2: 8 });

/** .812, −.05 or 1.00 */
export function figure(value, digits = 2) {
  return value.toFixed(digits).replace(/^(-?)0\./, '$1.').replace('-', '−');
}

/**
 * @param {{value: ?number, low: ?number, high: ?number, reason: ?string}} found
 * @param {{guide: ?number, of: string}} [options] `guide`: where a dotted line is drawn; `of`: what the figure rests on
 */
export function interval({ value, low, high, reason }, { guide = null, of = '' } = {}) {
  if (value === null) return element('span', { class: 'unsaid', title: reason ?? '' }, '–', element('span', { class: 'visually-hidden' }, ` ${reason ?? ''}`));
  const between = low === null ? '' : ` (95 %: ${figure(low)} to ${figure(high)})`;
  const drawing = shape('svg', { class: 'interval', viewBox: `0 0 ${WIDTH} 16`, 'aria-hidden': 'true' });
  drawing.append(line('axis', EDGE, WIDTH - EDGE));
  if (guide !== null) drawing.append(shape('line', { class: 'guide', x1: place(guide), x2: place(guide), y1: 1, y2: 15 }));
  if (low !== null) drawing.append(line('range', place(low), place(high)));
  drawing.append(shape('circle', { class: 'point', cx: place(value), cy: 8, r: 4 }));
  return element('span', { class: 'measured', title: `${figure(value, 3)}${between}${low === null && reason ? `: ${reason}` : ''}` },
    element('b', {}, figure(value)), drawing, element('span', { class: 'visually-hidden' }, between), of && element('span', { class: 'of' }, of));
}
