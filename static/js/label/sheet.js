import { element } from '../lib/dom.js';
import { svgElement } from '../lib/svg.js';
/** @import { Box, Task } from '../types' */

/** @typedef {'tile'|'detail'} SharpLayer around the face, and where the labeller looks closer */

/**
 * The image as large as its frame allows, upright: the preview below, sharp parts of the original over it, the faces' boxes on top.
 * Every part has its place in shares of the image, so that nothing moves when a sharper one arrives.
 */
export class Sheet {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.preview = element('div', { class: 'preview' });
    this.sharp = { tile: element('div', { class: 'sharp' }), detail: element('div', { class: 'sharp' }) };
    this.marks = element('div', { class: 'faces' });
    this.image = element('div', { class: 'image' }, this.preview, this.sharp.tile, this.sharp.detail);
    this.node = element('div', { class: 'sheet' }, this.image, this.marks);
    this.size = { width: 1, height: 1 };
    root.append(this.node);
  }

  /**
   * @param {?Task} task
   * @param {?HTMLImageElement} preview null while it cannot be shown
   */
  show(task, preview) {
    this.preview.replaceChildren(...(preview ? [preview] : []));
    for (const layer of Object.values(this.sharp)) layer.replaceChildren();
    this.marks.replaceChildren(...(task && preview ? marksOf(task) : []));
    if (!task) return;
    const turn = turnOf(task);
    this.size = turnedSize(task);
    const { width, height } = this.size;
    this.node.style.setProperty('--ratio', String(width / height));
    Object.assign(this.preview.style, turn % 180 === 0 ? { width: '100%', height: '100%' }
      : { width: `${(100 * height) / width}%`, height: `${(100 * width) / height}%` });
    this.preview.style.transform = `translate(-50%, -50%) rotate(${turn}deg)`;
  }

  /**
   * Lay a part of the original over the preview.
   *
   * @param {SharpLayer} name
   * @param {HTMLImageElement} node decoded
   * @param {Box} box in pixels of the turned image
   */
  lay(name, node, box) {
    place(node, box, this.size);
    node.style.zIndex = String(Math.round(1e6 / Math.max(box[2] - box[0], box[3] - box[1]))); // the sharper part on top
    this.sharp[name].replaceChildren(node);
  }

  /** @param {string} filter of CSS, '' for none; the boxes keep their colours */
  tone(filter) {
    this.image.style.filter = filter;
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
 * @param {HTMLElement} node
 * @param {Box} box
 * @param {{width: number, height: number}} size
 */
function place(node, [left, top, right, bottom], { width, height }) {
  const share = (/** @type {number} */ part, /** @type {number} */ whole) => `${(100 * part) / whole}%`;
  Object.assign(node.style, { left: share(left, width), top: share(top, height), width: share(right - left, width), height: share(bottom - top, height) });
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
    place(mark, turnedBox(task, box), { width: 1, height: 1 });
    return mark;
  });
}
