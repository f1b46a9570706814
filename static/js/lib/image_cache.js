/** How many images of the queue are decoded, the one on the screen among them. */
const DECODED = 6;
const LONGEST_WAIT = 4000; // milliseconds between two tries to fetch an image
const LARGE = 3_000_000; // pixels from which an image is reduced before it is shown
const SIDE = 2048; // pixels of the longer side after that

/**
 * Images fetched before they are needed, the next ones decoded too, so that showing one is only an insertion.
 *
 * Event: `change` (image_id) when an image has become `ready` or has `failed` twice; trying goes on while it is kept.
 */
export class Pictures extends EventTarget {
  constructor() {
    super();
    this.kept = new Map(); // image_id → {node, begun, ready, failed}
  }

  /**
   * Keep exactly the images of these tasks; those not there yet are fetched.
   *
   * @param {Object[]} queue the tasks in the order of work: those at its end are needed only if the server goes away
   * @param {Object[]} others tasks that may be shown at any moment
   */
  keep(queue, others) {
    const wanted = new Set([...queue, ...others].map((task) => task.image_id));
    for (const [id, { node }] of this.kept) {
      if (wanted.has(id)) continue;
      if (node.src.startsWith('blob:')) URL.revokeObjectURL(node.src);
      this.kept.delete(id);
    }
    queue.forEach((task, place) => (place < DECODED ? this.of(task) : this.fetched(task)));
    for (const task of others) this.of(task);
  }

  /** @returns {{node: HTMLImageElement, ready: boolean, failed: boolean}} */
  of(task) {
    const picture = this.fetched(task);
    if (!picture.begun) this.load(picture, task);
    return picture;
  }

  /** The picture of a task that is not decoded yet; a failed fetch is made good when its turn comes. */
  fetched(task) {
    if (!this.kept.has(task.image_id)) {
      const node = new Image();
      Object.assign(node, { alt: task.image_name, draggable: false });
      if (!isLarge(task)) node.src = task.image_url;
      this.kept.set(task.image_id, { node, begun: false, ready: false, failed: false });
    }
    return this.kept.get(task.image_id);
  }

  async load(picture, task) {
    picture.begun = true;
    const wanted = () => this.kept.get(task.image_id) === picture;
    for (let attempt = 0; wanted() && !picture.ready; attempt += 1) {
      try {
        if (isLarge(task)) picture.node.src = await reduced(task);
        else if (attempt > 0) picture.node.src = task.image_url;
        await picture.node.decode();
        picture.ready = true;
      } catch { // perhaps the server is just being restarted
        picture.failed = attempt > 0;
      }
      if (picture.ready || picture.failed) this.dispatchEvent(new CustomEvent('change', { detail: task.image_id }));
      if (!picture.ready) await pause(Math.min(LONGEST_WAIT, 500 * 2 ** attempt));
    }
  }
}

function isLarge({ width, height }) {
  return width * height > LARGE;
}

/**
 * A photograph of many megapixels, reduced off the main thread: the browser would decode it anew when it is painted,
 * and six of them whole would take hundreds of megabytes.
 */
async function reduced({ image_url: url, width, height }) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const resizeWidth = Math.round(width * SIDE / Math.max(width, height));
  const bitmap = await createImageBitmap(await response.blob(), { resizeWidth, resizeQuality: 'medium' });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext('bitmaprenderer').transferFromImageBitmap(bitmap);
  return URL.createObjectURL(await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 }));
}

function pause(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}
