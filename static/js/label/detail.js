import { loadTile, releaseTile } from './tiles.js';
/** @import { Box, Task } from '../types' */
/** @import { Zoom } from './zoom.js' */

const CALM = 120; // milliseconds without a movement until what is seen is fetched
const GAIN = 1.15; // times as many pixels as there are: less is not worth a request
const GRID = 64; // pixels that a part's edges are rounded to, so that a part is asked for once
const MARGIN = 0.15; // around what is seen, in shares of it: a small movement needs no new part
const TILE_SIDE = 1600; // pixels of the longer side of a part

/** The original's pixels where the labeller looks closer, if neither the preview nor the tile has them. */
export class Detail {
  /** @param {(node: HTMLImageElement, box: Box) => void} onload a part is decoded; the one before it is not shown any more */
  constructor(onload) {
    this.onload = onload;
    /** @type {?Task} */
    this.task = null;
    /** @type {?{box: Box, node: ?HTMLImageElement, abort: AbortController}} the part that was asked for last */
    this.part = null;
    /** @type {?HTMLImageElement} */
    this.shown = null;
    /** @type {number|undefined} */
    this.timer = undefined;
  }

  /** @param {?Task} task */
  show(task) {
    clearTimeout(this.timer);
    if (task?.image_id === this.task?.image_id) return;
    this.part?.abort.abort();
    releaseTile(this.shown);
    Object.assign(this, { task, part: null, shown: null });
  }

  /** @param {Zoom} zoom */
  look(zoom) {
    clearTimeout(this.timer);
    if (this.task?.tile) this.timer = setTimeout(() => this.fetch(zoom), CALM);
  }

  /** @param {Zoom} zoom */
  async fetch(zoom) {
    const { task } = this;
    if (!task?.tile) return;
    const { box: seen, density } = zoom.seen();
    const wanted = Math.min(1, density * devicePixelRatio);
    const { width, height } = zoom.size;
    const parts = [{ box: whole(width, height), side: 1024 }, { box: task.tile.box, side: TILE_SIDE }, ...(this.part ? [{ box: this.part.box, side: TILE_SIDE }] : [])];
    if (parts.some(({ box, side }) => covers(box, seen) && Math.min(1, side / longer(box)) * GAIN >= wanted)) return;
    const box = widened(seen, width, height);
    this.part?.abort.abort();
    const part = { box, node: null, abort: new AbortController() };
    this.part = part;
    const node = await loadTile(task.tile, box, part.abort.signal);
    if (this.part !== part || this.task !== task) return releaseTile(node);
    if (!node) {
      this.part = null;
      return undefined;
    }
    this.onload(node, box);
    releaseTile(this.shown);
    this.shown = node;
    return undefined;
  }
}

/** @param {number} width @param {number} height @returns {Box} */
const whole = (width, height) => [0, 0, width, height];

/** @param {Box} box */
const longer = ([left, top, right, bottom]) => Math.max(right - left, bottom - top);

/**
 * @param {Box} outer
 * @param {Box} inner
 */
const covers = (outer, inner) => outer[0] <= inner[0] && outer[1] <= inner[1] && outer[2] >= inner[2] && outer[3] >= inner[3];

/**
 * What is seen and a little more, on the grid.
 *
 * @param {Box} seen
 * @param {number} width
 * @param {number} height
 * @returns {Box}
 */
function widened([left, top, right, bottom], width, height) {
  const [dx, dy] = [(right - left) * MARGIN, (bottom - top) * MARGIN];
  const down = (/** @type {number} */ value) => Math.max(0, Math.floor(value / GRID) * GRID);
  const up = (/** @type {number} */ value, /** @type {number} */ limit) => Math.min(limit, Math.ceil(value / GRID) * GRID);
  return [down(left - dx), down(top - dy), up(right + dx, width), up(bottom + dy, height)];
}
