import { element, find } from '../lib/dom.js';
/** @import { SessionHistory } from './session_history.js' */

/** Attributes with fewer labels than this share of the most frequent one are named. */
const BEHIND = 0.9;
const NAMED = 2;

/** The progress: images done, images of this session, the pace, the time left. */
export class ProgressBar {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.bar = find(root, 'progress', HTMLProgressElement);
    this.text = find(root, '.counts');
    /** @type {{title: string, labelled: number}[]} */
    this.attributes = []; // labels of each required attribute
  }

  /**
   * @param {{images: number, done: number}} progress
   * @param {SessionHistory} history
   * @param {number} unsent answers that the server's counts do not hold yet
   */
  render({ images, done }, history, unsent) {
    const now = Math.max(0, Math.min(images, done + unsent));
    this.bar.max = Math.max(images, 1);
    this.bar.value = now;
    const parts = this.behind(images) ?? [`${now.toLocaleString('en')} of ${images.toLocaleString('en')} done`];
    const details = []; // a phone has no room for them
    if (history.answered > 0) details.push(`${history.answered} this session`);
    if (history.pace !== null) details.push(`${(history.pace / 1000).toFixed(1)} s per image`);
    const left = history.pace !== null && now < images ? ` · about ${duration((images - now) * history.pace)} left` : '';
    this.text.replaceChildren(parts.join(' · '), element('span', { class: 'details' }, ...details.map((detail) => ` · ${detail}`)), left);
  }

  /**
   * The attributes that are clearly behind the others, for example one that was added, and how far the others are. Null if the
   * number of done images tells enough.
   *
   * @param {number} images
   */
  behind(images) {
    const most = Math.max(0, ...this.attributes.map(({ labelled }) => labelled));
    const late = this.attributes.filter(({ labelled }) => labelled < BEHIND * most);
    if (late.length === 0 || late.length === this.attributes.length) return null;
    const of = (/** @type {number} */ number) => `${number.toLocaleString('en')} of ${images.toLocaleString('en')}`;
    const named = late.slice(0, NAMED).map(({ title, labelled }) => `${title} ${of(labelled)}`);
    if (late.length > NAMED) named.push(`${late.length - NAMED} more behind`);
    return [...named, `others ${of(most)}`];
  }
}

/**
 * Milliseconds as a rough length of time: "40 s", "12 min", "3 h 10 min".
 *
 * @param {number} milliseconds
 */
function duration(milliseconds) {
  const minutes = Math.round(milliseconds / 60_000);
  if (minutes < 2) return `${Math.round(milliseconds / 1000)} s`;
  if (minutes < 100) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${Math.round((minutes % 60) / 10) * 10 % 60} min`;
}
