import { ProgressBar } from './progress.js';
import { PreviousImage } from './previous_image.js';

const page = document.documentElement.dataset;
const at = (id) => document.getElementById(id);

/** What the label page shows besides the attributes: the image, the one before it, counts, messages, the state. */
export class LabelView {
  /**
   * @param {Object[]} schema
   * @param {import('../lib/outbox.js').Outbox} outbox
   * @param {import('./session_history.js').SessionHistory} history
   * @param {import('../lib/image_cache.js').ImageCache} pictures
   */
  constructor(schema, outbox, history, pictures) {
    Object.assign(this, { schema, outbox, history, pictures, progress: null, trouble: null });
    this.strip = new PreviousImage(at('strip'));
    this.counts = new ProgressBar(at('progress'));
  }

  /** @param {?Object} task null when there is none */
  show(task) {
    this.task = task;
    if (task) page.imageId = task.image_id;
    else delete page.imageId;
    at('image-name').textContent = task?.image_name ?? '';
    this.showBefore();
    this.showPicture();
  }

  showPicture() {
    const picture = this.task && this.pictures.of(this.task);
    at('picture').replaceChildren(...(picture?.ready ? [picture.node, ...faceFrame(this.task)] : []));
    if (!picture || picture.ready) at('picture').dataset.note = '';
    else at('picture').dataset.note = picture.failed ? 'This image cannot be shown. Space puts it aside.' : 'The image is being loaded …';
    this.state();
  }

  showBefore() {
    const { last } = this.history;
    this.strip.render(last, last && this.pictures.of(last.task).node, last && this.answersOf(last));
  }

  /** What was answered on a finished image, for reading. */
  answersOf(entry) {
    const given = Object.entries(entry.draft.answers).map(([name, { value }]) => [name, value]);
    return this.words(Object.fromEntries(given));
  }

  /** Answers for reading, in the order of the page: `[['Glasses', 'none'], …]`. */
  words(values) {
    return this.schema.filter(({ name }) => name in values).map((attribute) => {
      const value = values[attribute.name];
      const named = attribute.values.find(({ code }) => code === value)?.name;
      return [attribute.title, value === null ? "can't tell" : named ?? String(value)];
    });
  }

  /** `ready`, `loading`, or why there is nothing to label: `empty`, `done`, `waiting`. */
  state() {
    page.state = this.task ? (this.pictures.of(this.task).ready ? 'ready' : 'loading') : this.idle();
    for (const part of document.querySelectorAll('[data-show]')) {
      part.hidden = !part.dataset.show.split(' ').includes(page.state);
    }
    if (page.state === 'waiting') at('waiting-reason').textContent = this.reason();
  }

  idle() {
    if (this.trouble || this.outbox.waiting().length > 0) return 'waiting';
    if (!this.progress) return 'loading';
    if (this.progress.images === 0) return 'empty';
    return this.progress.open === 0 ? 'done' : 'waiting';
  }

  reason() {
    if (this.trouble || this.outbox.waiting().length > 0) {
      return `${this.trouble?.message ?? ''} All images loaded ahead are answered. Your answers are kept in this browser; `
        + 'they are sent by themselves as soon as the server is back, and the next images come.';
    }
    const { open, held_by_others: held } = this.progress;
    return `${open} not done yet: ${held} with other labellers, ${Math.max(0, open - held)} put aside by you.`;
  }

  count(progress = this.progress) {
    this.progress = progress;
    if (!progress) return;
    const worth = ({ kind, body }) => (kind === 'undo' ? -1 : kind === 'answer' && !body.skip ? 1 : 0);
    const unsent = this.outbox.waiting().map(worth);
    this.counts.render(progress, this.history, unsent.reduce((sum, one) => sum + one, 0));
  }

  say(text) {
    at('message').textContent = text;
  }

  /** The browser refuses to keep anything more. */
  full(error) {
    this.say(`This browser has no room to keep answers (${error.name}). The image stays here: free space for this site, then press Enter.`);
  }
}

const SVG = 'http://www.w3.org/2000/svg';

/** A thin frame around the face that is meant, if there are several; it lies over the image however that is fitted. */
function faceFrame({ width, height, face }) {
  if (!face || face.count < 2) return [];
  const [left, top, right, bottom] = face.box;
  const svg = document.createElementNS(SVG, 'svg');
  const frame = document.createElementNS(SVG, 'rect');
  const set = (node, attributes) => Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  set(svg, { viewBox: `0 0 ${width} ${height}`, class: 'face', role: 'img', 'aria-label': `One of ${face.count} faces is meant` });
  set(frame, { x: left * width, y: top * height, width: (right - left) * width, height: (bottom - top) * height, rx: '2%' });
  svg.append(frame);
  return [svg];
}

/** Note the time from a key press until the frame after it has been painted; benchmarks read it. */
export function measurePaint(start) {
  const end = () => performance.measure('next-image', { start, end: performance.now() });
  requestAnimationFrame(() => requestAnimationFrame(end));
}
