import { covers, seen } from './zoom.js';
import { loadTile, releaseTile } from './tiles.js';
/** @import { Box, Task } from '../types' */
/** @import { View } from './zoom.js' */

/**
 * A part of the original as the server is asked for it. `scale`: pixels of the tile for one of the image; `native`: it has all of the
 * original's pixels.
 *
 * @typedef {{url: string, box: Box, scale: number, native: boolean}} Part
 */

const CALM = 120; // milliseconds without a movement until what is seen is fetched
const MARGIN = 0.1; // around what is seen, in shares of it: a small movement needs no new part
const TILE_SIDE = 1600; // pixels of the longer side of a tile

/**
 * The part of the original that a view needs, with one pixel for each of the screen: a browser that makes an image smaller smooths it.
 *
 * @param {string} template the task's `tile_url`
 * @param {View} view
 * @returns {Part}
 */
export function partOf(template, view) {
  const { width, height } = view.size;
  const { box: [l, t, r, b], density } = seen(view);
  const [dx, dy] = [(r - l) * MARGIN, (b - t) * MARGIN];
  const [left, top, right, bottom] = [Math.max(0, Math.floor(l - dx)), Math.max(0, Math.floor(t - dy)), Math.min(width, Math.ceil(r + dx)), Math.min(height, Math.ceil(b + dy))];
  const longer = Math.max(right - left, bottom - top);
  const side = Math.min(longer, TILE_SIDE, Math.max(1, Math.round(longer * density * devicePixelRatio)));
  const parts = { left, top, right, bottom, side };
  const url = template.replace(/\{(\w+)\}/g, (_, name) => String(parts[/** @type {keyof typeof parts} */ (name)]));
  return { url, box: [left, top, right, bottom], scale: side / longer, native: side === longer };
}

/** The sharp layer over the preview: a part of the original, laid pixel on pixel; a movement carries it along until the next part has come. */
export class SharpLayer {
  /**
   * @param {HTMLElement} root
   * @param {(id: number, url: string) => boolean} isPrepared whether a part of an image comes without being asked for
   */
  constructor(root, isPrepared) {
    this.root = root;
    this.isPrepared = isPrepared;
    /** @type {?Task} */
    this.task = null;
    /** @type {?{part: Part, view: View, node: HTMLImageElement, own: boolean}} `own`: not the tile cache's */
    this.laid = null;
    /** @type {?AbortController} */
    this.abort = null;
    /** @type {number|undefined} */
    this.timer = undefined;
  }

  /**
   * Another image, or none: nothing of the one before may stay.
   *
   * @param {?Task} task
   */
  show(task) {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.clear();
    this.task = task;
  }

  clear() {
    if (this.laid?.own) releaseTile(this.laid.node);
    this.laid = null;
    this.root.replaceChildren();
  }

  /**
   * @param {HTMLImageElement} node decoded
   * @param {Part} part that it shows
   * @param {View} view that it is for
   * @param {boolean} own
   */
  lay(node, part, view, own) {
    if (this.laid?.own && this.laid.node !== node) releaseTile(this.laid.node);
    this.laid = { node, part, view, own };
    const { frame, size, x, y } = view;
    const { density } = seen(view);
    const exact = !part.native && Math.abs(part.scale / (density * devicePixelRatio) - 1) < 0.01;
    const place = (/** @type {number} */ start, /** @type {number} */ length, /** @type {number} */ side, /** @type {number} */ offset) => side / 2 + offset + (start - length / 2) * density;
    const whole = (/** @type {number} */ value) => (exact ? Math.round(value * devicePixelRatio) / devicePixelRatio : value);
    const [left, top, right, bottom] = part.box;
    const width = exact ? node.naturalWidth / devicePixelRatio : (right - left) * density;
    const height = exact ? node.naturalHeight / devicePixelRatio : (bottom - top) * density;
    Object.assign(node.style, { left: `${whole(place(left, size.width, frame.width, x))}px`, top: `${whole(place(top, size.height, frame.height, y))}px`, width: `${width}px`, height: `${height}px` });
    this.root.style.transform = '';
    this.root.replaceChildren(node);
  }

  /**
   * What is seen has changed: carry the part along, and fetch the next one when the movement has ended.
   *
   * @param {View} view
   */
  move(view) {
    clearTimeout(this.timer);
    if (this.laid && this.laid.view.frame !== view.frame) this.clear(); // the frame has another size
    if (this.laid) {
      const { view: then } = this.laid;
      const grown = view.scale / then.scale;
      this.root.style.transform = `translate(${view.x - grown * then.x}px, ${view.y - grown * then.y}px) scale(${grown})`;
    }
    if (this.task?.tile_url) this.timer = setTimeout(() => this.fetch(view), CALM);
  }

  /** @param {View} view */
  async fetch(view) {
    const { task, laid } = this;
    if (!task?.tile_url || view.frame.width === 0) return;
    const part = partOf(task.tile_url, view);
    if (laid && (laid.part.url === part.url || (part.native && laid.part.native && covers(laid.part.box, seen(view).box)))) return;
    this.abort?.abort();
    if (this.isPrepared(task.image_id, part.url)) return;
    const abort = new AbortController();
    this.abort = abort;
    const node = await loadTile(part.url, abort.signal);
    if (node && (abort.signal.aborted || this.task !== task)) releaseTile(node);
    else if (node) this.lay(node, part, view, true);
  }
}
