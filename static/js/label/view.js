import { byId, count, findAll } from '../lib/dom.js';
import { answersInWords } from '../lib/schema.js';
import { PreviousImage } from './previous_image.js';
import { ProgressBar } from './progress.js';
/** @import { ApiError } from '../lib/api.js' */
/** @import { ImageCache } from '../lib/image_cache.js' */
/** @import { Outbox } from '../lib/outbox.js' */
/** @import { Answer, Attribute, Progress, Task } from '../types' */
/** @import { Photo } from '../photo/photo.js' */
/** @import { Finished, SessionHistory } from './session_history.js' */

const page = document.documentElement.dataset;

/** What the label page shows besides the attributes: the image, the previous one, counts, messages, the state. */
export class LabelView {
  /**
   * @param {Attribute[]} schema
   * @param {Outbox} outbox
   * @param {SessionHistory} history
   * @param {ImageCache} images
   * @param {Photo} photo
   */
  constructor(schema, outbox, history, images, photo) {
    this.schema = schema;
    this.outbox = outbox;
    this.history = history;
    this.images = images;
    this.photo = photo;
    /** @type {?Task} */
    this.task = null;
    /** @type {?Progress} */
    this.progress = null;
    this.skipped = 0; // open images that the labeller skipped
    this.reserved = false; // open images are assigned to others, and none is left for this labeller
    /** @type {?ApiError} */
    this.trouble = null;
    this.previous = new PreviousImage(byId('previous-image'));
    this.bar = new ProgressBar(byId('progress'));
  }

  /** @param {?Task} task null when there is none */
  show(task) {
    this.task = task;
    if (task) page.imageId = String(task.image_id);
    else delete page.imageId;
    byId('image-name').textContent = task?.image_name ?? '';
    this.showPrevious();
    this.showImage();
  }

  showImage() {
    const picture = this.task && this.images.of(this.task);
    const frame = byId('picture');
    this.state(); // first: an image is fitted into a frame that is shown
    this.photo.show(this.task, picture?.ready ? picture.node : null);
    if (!picture || picture.ready) frame.dataset.note = '';
    else frame.dataset.note = picture.failed ? 'This image cannot be shown. Press Space to skip it.' : 'Loading the image …';
  }

  showPrevious() {
    const { last } = this.history;
    if (last) this.previous.render(last, this.images.of(last.task).node, this.answersOf(last));
    else this.previous.clear();
  }

  /**
   * What was answered on a finished image, for reading.
   *
   * @param {Finished} entry
   */
  answersOf(entry) {
    const answers = Object.entries(entry.draft.answers).map(([name, { value }]) => [name, value]);
    return this.words(Object.fromEntries(answers));
  }

  /**
   * Answers for reading, in the order of the page: `[['Glasses', 'none'], …]`.
   *
   * @param {Record<string, Answer>} values
   * @returns {[title: string, value: string][]}
   */
  words(values) {
    return answersInWords(this.schema, values);
  }

  /** `ready`, `loading`, or why there is nothing to label: `empty`, `done`, `waiting`. */
  state() {
    const state = this.task ? (this.images.of(this.task).ready ? 'ready' : 'loading') : this.idle();
    page.state = state;
    for (const part of findAll(document, '[data-show]')) part.hidden = !part.dataset.show?.split(' ').includes(state);
    if (state === 'done') this.finish();
    if (state === 'waiting') byId('waiting-reason').textContent = this.reason();
  }

  idle() {
    if (this.trouble || this.outbox.waiting().length > 0) return 'waiting';
    if (!this.progress) return 'loading';
    if (this.progress.images === 0) return 'empty';
    return this.progress.open <= this.skipped ? 'done' : 'waiting';
  }

  /** @param {number} skipped open images that the labeller skipped */
  countSkipped(skipped) {
    this.skipped = skipped;
    if (!this.task) this.state();
  }

  /** All images are labelled, or all but those that the labeller skipped. */
  finish() {
    const left = this.progress?.open ?? 0;
    byId('done-title').textContent = left === 0 ? 'Every image is labelled' : 'Every other image is labelled';
    byId('skipped-left').hidden = left === 0;
    byId('skipped-count').textContent = `You skipped ${count(left, 'image')}.`;
  }

  reason() {
    if (this.trouble || this.outbox.waiting().length > 0 || !this.progress) {
      return `${this.trouble?.message ?? ''} All preloaded images are answered. This browser keeps your answers `
        + 'and sends them automatically when the server is back. Then the next images load.';
    }
    const { open, held_by_others: held } = this.progress;
    if (this.reserved) return `No image is left for you. ${count(open, 'image')} not done yet: assigned to others, with other labellers, or skipped by you.`;
    const skipped = Math.min(this.skipped, open);
    const elsewhere = Math.max(0, open - held - skipped);
    const where = [held && `${held} with other labellers`, skipped && `${skipped} skipped by you`, elsewhere && `${elsewhere} held by a page that you opened elsewhere or closed, for a few minutes`];
    return `${count(open, 'image')} not done yet: ${where.filter(Boolean).join(', ')}.${skipped ? ' Skipped images that you skip again stay away until you bring them back.' : ''}`;
  }

  count(progress = this.progress) {
    this.progress = progress;
    if (!progress) return;
    let unsent = 0;
    for (const item of this.outbox.waiting()) {
      if (item.kind === 'undo') unsent -= 1;
      else if (item.kind === 'answer' && !item.body.skip) unsent += 1;
    }
    this.bar.render(progress, this.history, unsent);
  }

  /** @param {Record<string, {labelled: number}>} counts labels of each attribute */
  countAttributes(counts) {
    this.bar.attributes = this.schema.filter(({ required }) => required).map(({ name, title }) => ({ title, labelled: counts[name]?.labelled ?? 0 }));
    this.count();
  }

  /** @param {string} text */
  say(text) {
    byId('message').textContent = text;
  }

  /**
   * The browser refuses to keep anything more.
   *
   * @param {DOMException} error
   */
  full(error) {
    this.say(`This browser cannot store more answers (${error.name}). The image stays here. Free storage for this site, then press Enter.`);
  }
}

/**
 * Note the time from a key press until the frame after it has been painted; benchmarks read it.
 *
 * @param {number} start
 */
export function measurePaint(start) {
  const end = () => performance.measure('next-image', { start, end: performance.now() });
  requestAnimationFrame(() => requestAnimationFrame(end));
}
