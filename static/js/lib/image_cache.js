import { Emitter } from './events.js';
import { pause } from './retry.js';
/** @import { CachedImage } from '../types' */

/** @typedef {{node: HTMLImageElement, begun: boolean, ready: boolean, failed: boolean}} CachedPicture */

/** How many images of the queue are decoded, the one on the screen among them. */
const DECODED = 6;
const LONGEST_WAIT = 4000; // milliseconds between two tries to fetch an image

/**
 * Images fetched before they are needed, the next ones decoded too, so that showing one is only an insertion.
 *
 * Event: `change` (image_id) when an image has become `ready` or has `failed` twice; trying goes on while it is kept.
 *
 * @extends {Emitter<{change: number}>}
 */
export class ImageCache extends Emitter {
  /** @param {(image: CachedImage) => string} [address] which of an image's addresses is fetched first; if that fails, `image_url` */
  constructor(address = ({ image_url: url }) => url) {
    super();
    this.address = address;
    /** @type {Map<number, CachedPicture>} by image_id */
    this.kept = new Map();
  }

  /**
   * Keep exactly these images; those not there yet are fetched.
   *
   * @param {CachedImage[]} queue the images in the order of work: those at its end are needed only if the server goes away
   * @param {CachedImage[]} others images that may be shown at any moment
   */
  keep(queue, others) {
    const wanted = new Set([...queue, ...others].map((image) => image.image_id));
    for (const id of this.kept.keys()) {
      if (!wanted.has(id)) this.kept.delete(id);
    }
    queue.forEach((image, place) => (place < DECODED ? this.of(image) : this.fetched(image)));
    for (const image of others) this.of(image);
  }

  /**
   * An image, decoded or about to be.
   *
   * @param {CachedImage} image
   */
  of(image) {
    const picture = this.fetched(image);
    if (!picture.begun) this.load(picture, image);
    return picture;
  }

  /**
   * An image that need not be decoded yet; a failed fetch is made good when its turn comes.
   *
   * @param {CachedImage} image
   * @returns {CachedPicture}
   */
  fetched(image) {
    const kept = this.kept.get(image.image_id);
    if (kept) return kept;
    const node = new Image();
    Object.assign(node, { alt: image.image_name, draggable: false, src: this.address(image) });
    const picture = { node, begun: false, ready: false, failed: false };
    this.kept.set(image.image_id, picture);
    return picture;
  }

  /**
   * @param {CachedPicture} picture
   * @param {CachedImage} image
   */
  async load(picture, image) {
    picture.begun = true;
    const wanted = () => this.kept.get(image.image_id) === picture;
    for (let attempt = 0; wanted() && !picture.ready; attempt += 1) {
      try {
        if (attempt > 0) picture.node.src = image.image_url;
        await picture.node.decode();
        picture.ready = true;
      } catch { // perhaps the server is just being restarted
        picture.failed = attempt > 0;
      }
      if (picture.ready || picture.failed) this.tell('change', image.image_id);
      if (!picture.ready) await pause(Math.min(LONGEST_WAIT, 500 * 2 ** attempt));
    }
  }
}
