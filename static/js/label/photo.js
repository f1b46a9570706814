import { byId } from '../lib/dom.js';
import { Detail } from './detail.js';
import { Sheet, turnedBox, turnedSize } from './sheet.js';
import { TileCache } from './tiles.js';
import { Tone } from './tone.js';
import { Zoom } from './zoom.js';
/** @import { ProjectStorage } from '../lib/storage.js' */
/** @import { Task } from '../types' */

/** The photo on the label page: preview, then the original's pixels; head or whole; zoom, brightness and contrast; the faces' boxes. */
export class Photo {
  /**
   * @param {ProjectStorage} local shared by tabs
   * @param {ProjectStorage} session this tab's
   * @param {(text: string) => void} onsay
   */
  constructor(local, session, onsay) {
    this.local = local;
    this.onsay = onsay;
    this.frame = byId('frame');
    this.sheet = new Sheet(byId('picture'));
    this.tiles = new TileCache();
    this.detail = new Detail((node, box) => this.sheet.lay('detail', node, box));
    this.zoom = new Zoom(this.frame, byId('picture'), () => this.look());
    this.tone = new Tone(session, this.frame, (filter) => this.sheet.tone(filter));
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

  /** Lay the tile over the preview if it is there; only that of the image on the screen. */
  sharpen() {
    const { task, shownAt } = this;
    const node = task && this.tiles.of(task.image_id);
    if (!task?.tile || !node || shownAt === 0) return;
    this.sheet.lay('tile', node, task.tile.box);
    this.frame.dataset.sharp = String(task.image_id);
    requestAnimationFrame(() => requestAnimationFrame(() => performance.measure('sharp-image', { start: shownAt, end: performance.now() })));
  }

  /** @param {?Task} task */
  begin(task) {
    this.shownAt = 0;
    delete this.frame.dataset.sharp;
    const head = task !== null && this.beginsWithHead(task);
    byId('head').setAttribute('aria-pressed', String(head));
    this.detail.show(task);
    this.zoom.begin(task && { ...turnedSize(task), box: head && task.face ? turnedBox(task, task.face.head) : null });
  }

  /** What is seen has changed: fetch it sharply unless a sharp part covers it. */
  look() {
    this.detail.look(this.zoom);
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
    const { shownAt } = this;
    this.begin(task);
    this.shownAt = shownAt;
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
