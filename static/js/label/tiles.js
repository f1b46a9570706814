import { Emitter } from '../lib/events.js';
import { pause } from '../lib/retry.js';
/** @import { Box, Task, Tile } from '../types' */

/** @typedef {{node: ?HTMLImageElement, abort: AbortController}} HeldTile `node`: decoded, so that showing it is only an insertion */

const AHEAD = 4; // tiles that are decoded, the one of the image on the screen among them
const AT_ONCE = 2; // requests: the others of the browser's six are for answers
const TRIES = 6;
const WAIT = 300; // milliseconds until the next try, doubled each time

/**
 * The address of a part of the original.
 *
 * @param {Tile} tile
 * @param {Box} box in pixels of the turned image
 */
function tileUrl({ template, turn }, [left, top, right, bottom]) {
  const parts = { left, top, right, bottom, turn };
  return template.replace(/\{(\w+)\}/g, (_, name) => String(parts[/** @type {keyof typeof parts} */ (name)]));
}

/**
 * Fetch and decode a part of the original.
 *
 * @param {Tile} tile
 * @param {Box} box
 * @param {AbortSignal} signal gives up
 * @returns {Promise<?HTMLImageElement>} null if the server has no such part, or is away for too long
 */
export async function loadTile(tile, box, signal) {
  for (let attempt = 0; attempt < TRIES && !signal.aborted; attempt += 1) {
    try {
      const response = await fetch(tileUrl(tile, box), { signal, priority: 'low' });
      if (response.ok) return await decoded(await response.blob(), signal);
      if (response.status !== 503) return null; // the preview stays
    } catch { // the server is away, or the tile is not wanted any more
    }
    await pause(WAIT * 2 ** attempt);
  }
  return null;
}

/**
 * @param {Blob} blob
 * @param {AbortSignal} signal
 */
async function decoded(blob, signal) {
  const node = new Image();
  Object.assign(node, { alt: '', draggable: false, src: URL.createObjectURL(blob) });
  await node.decode();
  if (!signal.aborted) return node;
  releaseTile(node);
  return null;
}

/** @param {?HTMLImageElement} node */
export function releaseTile(node) {
  if (node) URL.revokeObjectURL(node.src);
}

/**
 * The tiles of the next images, fetched one after the other in the order of work.
 *
 * Event: `ready` (image_id) when a tile can be shown.
 *
 * @extends {Emitter<{ready: number}>}
 */
export class TileCache extends Emitter {
  constructor() {
    super();
    /** @type {Map<number, HeldTile>} by image_id */
    this.held = new Map();
    /** @type {Task[]} */
    this.wanted = [];
    this.loading = 0;
  }

  /**
   * Keep the tiles of these images only; what is on its way for others is given up.
   *
   * @param {Task[]} queue in the order of work
   */
  keep(queue) {
    this.wanted = queue.slice(0, AHEAD).filter(({ tile }) => tile);
    const ids = new Set(this.wanted.map(({ image_id: id }) => id));
    for (const [id, { node, abort }] of this.held) {
      if (ids.has(id)) continue;
      abort.abort();
      releaseTile(node);
      this.held.delete(id);
    }
    this.fill();
  }

  /** @param {number} id @returns {?HTMLImageElement} null while it is not there */
  of(id) {
    return this.held.get(id)?.node ?? null;
  }

  fill() {
    for (const task of this.wanted) {
      if (this.loading >= AT_ONCE) return;
      if (!this.held.has(task.image_id)) this.load(task);
    }
  }

  /** @param {Task} task */
  async load({ image_id: id, tile }) {
    if (!tile) return;
    /** @type {HeldTile} */
    const held = { node: null, abort: new AbortController() };
    this.held.set(id, held);
    this.loading += 1;
    const node = await loadTile(tile, tile.box, held.abort.signal);
    this.loading -= 1;
    if (this.held.get(id) === held) {
      held.node = node;
      if (node) this.tell('ready', id);
    } else releaseTile(node);
    this.fill();
  }
}
