import { Emitter } from '../lib/events.js';
import { pause } from '../lib/retry.js';
/** @import { Part } from './sharp.js' */

/** @typedef {{part: Part, node: ?HTMLImageElement, abort: AbortController}} HeldTile `node`: decoded, so that showing it is only an insertion */

const AT_ONCE = 2; // requests: the others of the browser's six are for answers
const TRIES = 6;
const WAIT = 300; // milliseconds until the next try, doubled each time

/**
 * Fetch and decode a part of the original.
 *
 * @param {string} url
 * @param {AbortSignal} signal gives up
 * @returns {Promise<?HTMLImageElement>} null if the server has no such part, or is away for too long
 */
export async function loadTile(url, signal) {
  for (let attempt = 0; attempt < TRIES && !signal.aborted; attempt += 1) {
    try {
      const response = await fetch(url, { signal, priority: 'low' });
      if (response.ok) return await decoded(await response.blob(), signal);
      if (response.status !== 503) return null; // the preview stays
    } catch {
      if (signal.aborted) return null;
    } // else the server is away
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
    /** @type {Map<number, Part>} by image_id, in the order of work */
    this.wanted = new Map();
    this.loading = 0;
  }

  /**
   * Keep these parts only; what is on its way for others is given up.
   *
   * @param {Map<number, Part>} wanted by image_id, in the order of work
   */
  keep(wanted) {
    this.wanted = wanted;
    for (const [id, { part, node, abort }] of this.held) {
      if (wanted.get(id)?.url === part.url) continue;
      abort.abort();
      releaseTile(node);
      this.held.delete(id);
    }
    this.fill();
  }

  /** @param {number} id @returns {?HeldTile} */
  of(id) {
    return this.held.get(id) ?? null;
  }

  fill() {
    for (const [id, part] of this.wanted) {
      if (this.loading >= AT_ONCE) return;
      if (!this.held.has(id)) this.load(id, part);
    }
  }

  /**
   * @param {number} id
   * @param {Part} part
   */
  async load(id, part) {
    /** @type {HeldTile} */
    const held = { part, node: null, abort: new AbortController() };
    this.held.set(id, held);
    this.loading += 1;
    const node = await loadTile(part.url, held.abort.signal);
    this.loading -= 1;
    if (this.held.get(id) === held) {
      held.node = node;
      if (node) this.tell('ready', id);
    } else releaseTile(node);
    this.fill();
  }
}
