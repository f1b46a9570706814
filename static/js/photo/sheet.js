import { element } from '../lib/dom.js';
import { svgElement } from '../lib/svg.js';
/** @import { Box, Task } from '../types' */

/** The preview as large as its frame allows, upright, and the faces' boxes in a separate layer: the sharp layer lies between them. */
export class Sheet {
  /**
   * @param {HTMLElement} picture
   * @param {HTMLElement} marks
   */
  constructor(picture, marks) {
    this.preview = element('div', { class: 'preview' });
    this.sheets = [element('div', { class: 'sheet' }, this.preview), element('div', { class: 'sheet' })];
    picture.append(this.sheets[0]);
    marks.append(this.sheets[1]);
  }

  /**
   * @param {?Task} task
   * @param {?HTMLImageElement} preview null while it cannot be shown
   */
  show(task, preview) {
    this.preview.replaceChildren(...(preview ? [preview] : []));
    this.sheets[1].replaceChildren(...(task && preview ? marksOf(task) : []));
    if (!task) return;
    const turn = turnOf(task);
    const { width, height } = turnedSize(task);
    for (const { style } of this.sheets) style.setProperty('--ratio', String(width / height));
    Object.assign(this.preview.style, turn % 180 === 0 ? { width: '100%', height: '100%' }
      : { width: `${(100 * height) / width}%`, height: `${(100 * width) / height}%` });
    this.preview.style.transform = `translate(-50%, -50%) rotate(${turn}deg)`;
  }
}

/**
 * By how many degrees clockwise the image is shown turned, so that its face is upright.
 *
 * @param {Task} task
 */
const turnOf = ({ face }) => face?.turn ?? 0;

/**
 * The size of the image as it is shown.
 *
 * @param {Task} task
 */
export function turnedSize(task) {
  const { width, height } = task;
  return turnOf(task) % 180 === 0 ? { width, height } : { width: height, height: width };
}

/**
 * A box of the upright image in the image as it is shown, both in shares of the sides.
 *
 * @param {Task} task
 * @param {Box} box
 * @returns {Box}
 */
export function turnedBox(task, [left, top, right, bottom]) {
  switch (turnOf(task)) {
    case 90: return [1 - bottom, left, 1 - top, right];
    case 180: return [1 - right, 1 - bottom, 1 - left, 1 - top];
    case 270: return [top, 1 - right, bottom, 1 - left];
    default: return [left, top, right, bottom];
  }
}

/**
 * A numbered box around every face, if there are several; the one that is asked about stands out.
 *
 * @param {Task} task
 */
function marksOf(task) {
  const { face, faces } = task;
  if (!face || !faces || face.count < 2) return [];
  return faces.map(({ number, asked, box }) => {
    const label = asked ? `Label this face, number ${number} of ${face.count}` : `Face ${number}, not asked about`;
    const rect = svgElement('rect', { x: 0, y: 0, width: '100%', height: '100%' });
    const mark = element('div', { class: asked ? 'face asked' : 'face', role: 'img', 'aria-label': label }, svgElement('svg', { 'aria-hidden': 'true' }, rect), element('b', {}, String(number)));
    const [left, top, right, bottom] = turnedBox(task, box).map((share) => share * 100);
    Object.assign(mark.style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%` });
    return mark;
  });
}
