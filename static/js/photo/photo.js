import { byId } from '../lib/dom.js';
import { SharpLayer, partOf } from './sharp.js';
import { Swipe } from './swipe.js';
import { Sheet, turnedBox, turnedSize } from './sheet.js';
import { TileCache } from './tiles.js';
import { Tone } from './tone.js';
import { Zoom, beginning } from './zoom.js';
/** @import { ProjectStorage } from '../lib/storage.js' */
/** @import { Task } from '../types' */

const AHEAD = 4; // images whose tiles are decoded, the one on the screen among them

/** The photo on the label page: preview, then the original's pixels; head or whole; zoom, brightness and contrast; the faces' boxes. */
export class Photo {
  /**
   * @param {ProjectStorage} local shared by tabs
   * @param {ProjectStorage} session this tab's
   * @param {{onsay: (text: string) => void, onframe: () => void, onswipe: Swipe['onswipe']}} listeners `onframe`: images begin in
   *   another way now
   */
  constructor(local, session, { onsay, onframe, onswipe }) {
    this.local = local;
    this.onsay = onsay;
    this.onframe = onframe;
    this.frame = byId('frame');
    const [picture, sharp, marks] = [byId('picture'), byId('sharp'), byId('marks')];
    this.sheet = new Sheet(picture, marks);
    this.tiles = new TileCache();
    this.sharp = new SharpLayer(sharp, (id, url) => this.tiles.of(id)?.part.url === url);
    this.zoom = new Zoom(this.frame, [picture, marks], { onmove: (view) => this.sharp.move(view), onframe });
    this.swipe = new Swipe(this.frame, this.zoom, onswipe);
    this.tone = new Tone(session, this.frame, [picture, sharp]);
    /** @type {?Task} */
    this.task = null; // the image whose preview is on the screen
    this.shownAt = 0;
    this.tiles.on('ready', (id) => id === this.task?.image_id && this.sharpen());
    this.markFaces();
    /** What each command does. @type {Record<string, (argument: any) => void>} */
    this.commands = {
      zoom: (direction) => this.zoom.step(direction),
      pan: (direction) => this.zoom.pan(direction),
      head: () => this.toggleHead(),
      faces: () => this.toggleFaces(),
      brightness: (direction) => this.tone.change('brightness', direction),
      contrast: (direction) => this.tone.change('contrast', direction),
      tone: () => this.tone.reset(),
    };
  }

  /**
   * Show the preview of an image; its tile follows after the preview is painted, so that the preview does not wait for it.
   *
   * @param {?Task} task
   * @param {?HTMLImageElement} preview null while it is not there
   */
  show(task, preview) {
    const before = this.task?.image_id;
    this.task = preview ? task : null;
    this.sheet.show(task, preview);
    if (task?.image_id !== before) this.begin(task);
    if (!this.task) return;
    const { image_id: id } = this.task;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (this.task?.image_id !== id) return;
      this.shownAt = performance.now();
      this.sharpen();
    }));
  }

  /** Lay the tile over the preview if it is there; only that of the image on the screen, as it is seen now. */
  sharpen() {
    const { task, shownAt } = this;
    const tile = task && this.tiles.of(task.image_id);
    if (!task?.tile_url || !tile?.node || shownAt === 0 || this.sharp.laid?.part.url === tile.part.url || partOf(task.tile_url, this.zoom.view).url !== tile.part.url) return;
    this.sharp.lay(tile.node, tile.part, this.zoom.view, false);
    this.frame.dataset.sharp = String(task.image_id);
    requestAnimationFrame(() => requestAnimationFrame(() => performance.measure('sharp-image', { start: shownAt, end: performance.now() })));
  }

  /** @param {?Task} task */
  begin(task) {
    this.shownAt = 0;
    delete this.frame.dataset.sharp;
    byId('head').setAttribute('aria-pressed', String(task !== null && this.beginsWithHead(task)));
    this.sharp.show(task);
    if (task) this.zoom.begin(turnedSize(task), this.partOf(task));
  }

  /**
   * The part with which an image begins, in shares of its sides as it is shown; null: whole.
   *
   * @param {Task} task
   */
  partOf(task) {
    return task.face && this.beginsWithHead(task) ? turnedBox(task, task.face.head) : null;
  }

  /**
   * Fetch and decode the tiles of the next images, as they will begin.
   *
   * @param {Task[]} queue in the order of work
   */
  prepare(queue) {
    const frame = this.zoom.space;
    if (frame.width === 0) return; // it is hidden
    const wanted = queue.slice(0, AHEAD).flatMap((task) => {
      const view = beginning(frame, turnedSize(task), this.partOf(task));
      return task.tile_url ? [/** @type {const} */ ([task.image_id, partOf(task.tile_url, view)])] : [];
    });
    this.tiles.keep(new Map(wanted));
  }

  /**
   * Whether an image begins with its head: as the labeller chose with the key, else if the face is small.
   *
   * @param {Task} task
   */
  beginsWithHead({ face }) {
    return face !== null && (this.local.get('head') ?? face.small ?? false);
  }

  /** / : whether images begin with the head or whole; the browser remembers it for this project. */
  toggleHead() {
    const { task } = this;
    if (task && !task.face) {
      return this.onsay(task.faces === null ? 'This image has not been searched for faces yet.' : 'No face was found in this image.');
    }
    this.local.set('head', !(task ? this.beginsWithHead(task) : this.local.get('head')));
    byId('head').setAttribute('aria-pressed', String(task !== null && this.beginsWithHead(task)));
    if (task) this.zoom.begin(turnedSize(task), this.partOf(task));
    this.onframe();
  }

  /** End: show or hide the boxes of the faces. */
  toggleFaces() {
    this.local.set('boxes', this.local.get('boxes') === false);
    this.markFaces();
  }

  markFaces() {
    this.frame.dataset.faces = this.local.get('boxes') === false ? 'hidden' : 'shown';
  }
}
