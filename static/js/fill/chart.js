/** How many cells can be filled at each target error: one bar per step of the slider, the chosen one marked. */
import { svgElement } from '../lib/svg.js';
import { percent } from './words.js';
/** @import { FillPlan } from '../types' */

const WIDTH = 340;
const HEIGHT = 150;
const TOP = 22;
const BOTTOM = 34;

/**
 * @param {string} kind its class
 * @param {number} x
 * @param {number} y
 * @param {string} words
 */
const text = (kind, x, y, words) => svgElement('text', { class: kind, x, y }, words);

/**
 * @param {FillPlan[]} plans of one attribute and one recall, in the order of the errors
 * @param {number} open cells that a model answers: the full height
 * @param {number} chosen the target error of the slider
 */
export function fillChart(plans, open, chosen) {
  const wide = WIDTH / Math.max(1, plans.length);
  const high = HEIGHT - TOP - BOTTOM;
  const told = plans.map(({ error, cells }) => `${percent(error)}: ${cells.toLocaleString('en')}`).join(', ');
  const drawing = svgElement('svg', { class: 'fill-chart', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img',
    'aria-label': `Cells that can be filled of ${open.toLocaleString('en')}, by target error: ${told}` });
  drawing.append(svgElement('line', { class: 'axis', x1: 0, y1: HEIGHT - BOTTOM, x2: WIDTH, y2: HEIGHT - BOTTOM }));
  plans.forEach(({ error, cells }, place) => {
    const left = place * wide + wide * 0.15;
    const height = open === 0 ? 0 : (cells / open) * high;
    const kind = error === chosen ? ' chosen' : '';
    const middle = place * wide + wide / 2;
    drawing.append(svgElement('rect', { class: 'room', x: left, y: TOP, width: wide * 0.7, height: high }),
      svgElement('rect', { class: `share${kind}`, x: left, y: HEIGHT - BOTTOM - height, width: wide * 0.7, height }),
      text(`number${kind}`, middle, HEIGHT - BOTTOM - height - 5, cells === 0 ? '–' : cells.toLocaleString('en')),
      text(`tick${kind}`, middle, HEIGHT - BOTTOM + 15, percent(error)));
  });
  drawing.append(text('caption', WIDTH / 2, HEIGHT - 3, 'target error'));
  return drawing;
}
