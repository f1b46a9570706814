import { call } from '../../lib/api.js';
import { count, element, find, messageOf } from '../../lib/dom.js';
import { Emitter } from '../../lib/events.js';
/** @import { ProjectStorage } from '../../lib/storage.js' */
/** @import { Loop, ProgressDetail } from '../../types' */
/** @import { TaskQueue } from '../task_queue.js' */

const IDLE = 4000; // milliseconds between two looks at the server
const BUSY = 700; // and while a round runs or is about to start
const AWAY = 10_000; // and after a look that failed
const SOON = 300; // after an answer that may start a round
const COUNTS = 20_000; // between two looks at the counts per attribute
const STAGES = ['snapshot', 'features', 'train', 'evaluate', 'predict', 'load'];

/**
 * The strip that says when the model learns again, how far it is, and from which image on its suggestions are used.
 *
 * Events: `progress`: counts per attribute; `skipped`: how many open images the labeller skipped.
 *
 * @extends {Emitter<{progress: ProgressDetail, skipped: number}>}
 */
export class LoopStrip extends Emitter {
  /**
   * @param {HTMLElement} root
   * @param {ProjectStorage} session this tab's; it remembers of which predictions the suggestions of the images held are
   * @param {TaskQueue} tasks
   * @param {(text: string) => void} onsay
   */
  constructor(root, session, tasks, onsay) {
    super();
    this.session = session;
    this.tasks = tasks;
    this.onsay = onsay;
    this.text = find(root, '.loop-text');
    this.bar = find(root, '.loop-bar', HTMLProgressElement);
    this.filling = find(root, '.loop-filling', HTMLAnchorElement);
    this.bring = find(root, '#bring', HTMLButtonElement);
    /** @type {?Loop} */
    this.loop = null;
    this.answered = 0; // images since the last look
    /** @type {?string} */
    this.news = null; // said until the next image but one
    /** @type {?{round: ?number}} */
    this.arrived = null; // suggestions that the next image shows first
    this.counted = -COUNTS;
    /** @type {number|undefined} */
    this.timer = undefined;
    document.addEventListener('visibilitychange', () => document.hidden || this.look());
  }

  async look() {
    clearTimeout(this.timer);
    if (document.hidden) return;
    let pause = AWAY;
    try {
      /** @type {Loop} */
      const loop = await call('GET', 'loop');
      this.loop = loop;
      this.answered = 0;
      pause = loop.round || loop.images_left === 0 ? BUSY : IDLE;
      this.render();
      this.tell('skipped', loop.skipped);
      const seen = this.session.get('suggestions');
      if (seen === null) this.session.set('suggestions', loop.version); // the images of a new tab have just been handed out
      else if (loop.version !== seen) await this.renew();
      if (performance.now() - this.counted > COUNTS) {
        this.counted = performance.now();
        this.tell('progress', await call('GET', 'progress'));
      }
    } catch { // the server is away, which the page says elsewhere
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), pause);
  }

  /** An image was answered. */
  answeredOne() {
    this.answered += 1;
    const { loop } = this;
    this.render();
    if (!loop || loop.counted === 'labelled' ? this.left > 1 : false) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), SOON);
  }

  get left() {
    const { images_left: left, counted } = this.loop ?? { images_left: null, counted: 'labelled' };
    return Math.max(0, (left ?? Infinity) - (counted === 'labelled' ? this.answered : 0));
  }

  /** Other predictions suggest: the images behind the one on the screen get their suggestions. */
  async renew() {
    const { round, version } = await this.tasks.renew();
    this.session.set('suggestions', version);
    if (version !== '') this.arrived = { round };
  }

  /** The button: skipped images come back. */
  async bringBack() {
    try {
      const back = await this.tasks.bringBack();
      this.onsay(back === 1 ? 'One skipped image comes next.' : back ? `${back} skipped images come next.` : 'No skipped image is free now.');
      this.look();
    } catch (error) {
      this.onsay(messageOf(error));
    }
  }

  /** An image has come on the screen; `suggested`: it shows suggestions. @param {boolean} suggested */
  shown(suggested) {
    if (this.arrived && suggested) {
      const { round } = this.arrived;
      this.news = `${round === null ? 'New predictions' : `Round ${round}`}: suggestions from this image on.`;
      this.arrived = null;
    } else {
      this.news = null;
    }
    this.render();
  }

  render() {
    const round = this.loop?.round ?? null;
    const text = this.news ?? this.sentence();
    if (this.text.textContent !== text) this.text.textContent = text;
    this.text.classList.toggle('news', this.news !== null);
    this.bar.hidden = round === null || this.news !== null;
    if (round) this.bar.value = (Math.max(0, STAGES.indexOf(round.stage)) + (round.total ? Math.min(1, round.done / round.total) : 0)) / STAGES.length;
    const filling = this.loop?.filling ?? '';
    this.filling.hidden = filling === '';
    if (this.filling.textContent !== filling) this.filling.textContent = filling;
    const skipped = this.loop?.skipped ?? 0;
    this.bring.hidden = skipped === 0;
    const label = `Bring back ${skipped.toLocaleString('en')} skipped`;
    if (this.bring.textContent !== label) this.bring.replaceChildren(element('span', {}, label));
  }

  sentence() {
    const { loop } = this;
    if (!loop) return '';
    if (loop.round) return loop.round.state === 'queued' ? `Round ${loop.round.id} is about to start.` : `The model is learning: round ${loop.round.id}.`;
    if (loop.images_left === null) return '';
    if (loop.counted === 'train') {
      return `The model learns after ${count(loop.images_left, 'more image')} of the train split (${loop.train_images} of ${loop.train_needed}).`;
    }
    const again = loop.in_use === null ? '' : ' again';
    return this.left === 0 ? `The model learns${again} in a moment.` : `The model learns${again} in ${count(this.left, 'image')}.`;
  }
}
