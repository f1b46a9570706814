/** The drawings of the insights page: learning curve, reliability diagram. Each chart is an image with a text alternative. */
import { formatMetric } from '../lib/interval.js';
import { svgElement } from '../lib/svg.js';
/** @import { Calibration, CurvePoint } from '../types' */

/** @typedef {CurvePoint & {value: number}} MeasuredPoint */

const WIDTH = 460;
const HEIGHT = 230;
const LEFT = 38;
const RIGHT = 16;
const TOP = 12;
const BOTTOM = 34;

/**
 * @param {string} kind its class
 * @param {number} x
 * @param {number} y
 * @param {string} words
 */
const text = (kind, x, y, words) => svgElement('text', { class: kind, x, y }, words);
/**
 * @param {string} kind its class
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 */
const line = (kind, x1, y1, x2, y2) => svgElement('line', { class: kind, x1, y1, x2, y2 });
/**
 * @param {SVGElement} node
 * @param {string} words
 */
const titled = (node, words) => {
  node.append(svgElement('title', {}, words));
  return node;
};

/**
 * A round number not below a value: 1, 2 or 5 times a power of ten.
 *
 * @param {number} value
 */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5].map((times) => times * power).find((number) => number >= value) ?? 10 * power;
}

/**
 * Steps of an axis from 0 to `end`, about four of them.
 *
 * @param {number} end
 */
function steps(end) {
  const step = roundUp(end / 5);
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, place) => place * step);
}

/**
 * Balanced accuracy over labels: the line, its 95 % band, and what guessing would give.
 *
 * @param {MeasuredPoint[]} points in the order of time, at least one
 * @param {number} classes of the attribute
 * @param {?number} used the round in use
 */
export function learningCurve(points, classes, used) {
  const guessing = 1 / classes;
  const least = Math.min(guessing, ...points.map(({ low, value }) => low ?? value));
  const bottom = Math.max(0, Math.floor(least * 10) / 10);
  const end = Math.max(...points.map(({ labels }) => labels), 10) * 1.04;
  const x = (/** @type {number} */ labels) => LEFT + (labels / end) * (WIDTH - LEFT - RIGHT);
  const y = (/** @type {number} */ value) => TOP + ((1 - value) / (1 - bottom)) * (HEIGHT - TOP - BOTTOM);
  const at = (/** @type {number} */ labels, /** @type {number} */ value) => `${x(labels)},${y(value)}`;
  const newest = points[points.length - 1];
  const drawing = svgElement('svg', { class: 'plot', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img',
    'aria-label': `Balanced accuracy of ${points.length} rounds, the newest ${formatMetric(newest.value)} with ${newest.labels} labels` });
  for (let tenth = Math.round(bottom * 10); tenth <= 10; tenth += bottom < 0.5 ? 2 : 1) {
    drawing.append(line('grid', LEFT, y(tenth / 10), WIDTH - RIGHT, y(tenth / 10)), text('tick end', LEFT - 6, y(tenth / 10) + 4, formatMetric(tenth / 10, 1)));
  }
  for (const labels of steps(end)) drawing.append(text('tick middle', x(labels), HEIGHT - BOTTOM + 16, labels.toLocaleString('en')));
  drawing.append(text('tick end', WIDTH - RIGHT, HEIGHT - 3, 'labels'));
  if (guessing >= bottom) drawing.append(titled(line('guessing', LEFT, y(guessing), WIDTH - RIGHT, y(guessing)), 'score of guessing'));
  const band = points.flatMap(({ labels, low, high }) => (low === null || high === null ? [] : [{ labels, low, high }]));
  if (band.length > 1) {
    const edge = [...band.map(({ labels, high }) => at(labels, high)), ...band.toReversed().map(({ labels, low }) => at(labels, low))];
    drawing.append(svgElement('polygon', { class: 'band', points: edge.join(' ') }));
  } else if (band.length === 1) drawing.append(line('whisker', x(band[0].labels), y(band[0].low), x(band[0].labels), y(band[0].high)));
  drawing.append(svgElement('polyline', { class: 'curve', points: points.map(({ labels, value }) => at(labels, value)).join(' ') }));
  for (const point of points) {
    const between = point.low === null || point.high === null ? '' : ` (95 %: ${formatMetric(point.low)} to ${formatMetric(point.high)})`;
    drawing.append(titled(svgElement('circle', { class: point.round === used ? 'point used' : 'point', cx: x(point.labels), cy: y(point.value), r: points.length > 15 ? 2.5 : 4 }),
      `Round ${point.round}: ${formatMetric(point.value, 3)}${between}, ${point.labels} labels`));
  }
  const [top, low] = [y(newest.high ?? newest.value), y(newest.low ?? newest.value)];
  drawing.append(text('value end', WIDTH - RIGHT, top > TOP + 18 ? top - 7 : low + 18, formatMetric(newest.value)));
  return drawing;
}

const SIDE = 230;
const EDGE = 42;

const BINS = 15; // equally wide, as trainer/stats/calibration.py has them

/**
 * How often answers of each probability were right; on the diagonal the probabilities are honest.
 *
 * @param {Pick<Calibration, 'error'|'bins'>} calibration
 * @param {(confidence: number) => ?string} addressOf the images of a bin, by its mean probability
 */
export function reliability({ error, bins }, addressOf) {
  const place = (/** @type {number} */ share) => EDGE + share * (SIDE - EDGE - 10);
  const flip = (/** @type {number} */ share) => SIDE - EDGE - share * (SIDE - EDGE - 10);
  const most = Math.max(...bins.map(({ images }) => images));
  const drawing = svgElement('svg', { class: 'plot square', viewBox: `0 0 ${SIDE} ${SIDE}`, role: 'img', 'aria-label': `Reliability diagram: calibration error ${formatMetric(error, 3)}` });
  for (const share of [0, 0.5, 1]) {
    drawing.append(line('grid', place(0), flip(share), place(1), flip(share)), line('grid', place(share), flip(0), place(share), flip(1)),
      text('tick end', EDGE - 6, flip(share) + 4, formatMetric(share, 1)), text('tick middle', place(share), SIDE - EDGE + 16, formatMetric(share, 1)));
  }
  drawing.append(line('guessing', place(0), flip(0), place(1), flip(1)), text('tick end', SIDE - 10, SIDE - 3, 'predicted probability'),
    svgElement('text', { class: 'tick end', transform: 'translate(9 10) rotate(-90)' }, 'observed accuracy'));
  for (const { images, confidence, right } of bins) {
    const weight = Math.sqrt(images / most);
    drawing.append(svgElement('line', { class: 'stem', x1: place(confidence), y1: flip(confidence), x2: place(confidence), y2: flip(right), 'stroke-opacity': 0.25 + 0.75 * weight }),
      leadTo(titled(svgElement('circle', { class: 'point', cx: place(confidence), cy: flip(right), r: 2.5 + 4.5 * weight }),
        `${images} predictions at ${Math.round(100 * confidence)} %: ${Math.round(100 * right)} % correct`), addressOf(confidence)));
  }
  return drawing;
}

/**
 * The edges of a bin.
 *
 * @param {number} confidence the mean of the bin, which says which bin it is
 * @returns {[low: number, high: number]}
 */
export function edgesOf(confidence) {
  const bin = Math.min(BINS - 1, Math.floor(confidence * BINS));
  return [bin / BINS, (bin + 1) / BINS];
}

/**
 * A shortcut for the mouse; the keyboard and fingers have a list of links.
 *
 * @param {SVGElement} point
 * @param {?string} address null: it leads nowhere
 */
function leadTo(point, address) {
  if (address === null) return point;
  point.classList.add('leads');
  point.addEventListener('click', () => location.assign(address));
  return point;
}
