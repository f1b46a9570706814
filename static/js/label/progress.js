import { find } from '../lib/dom.js';
/** @import { SessionHistory } from './session_history.js' */

/** The progress: images done, images of this session, the pace, the time left. */
export class ProgressBar {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.bar = find(root, 'progress', HTMLProgressElement);
    this.text = find(root, '.counts');
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
    const parts = [`${now.toLocaleString('en')} of ${images.toLocaleString('en')} done`];
    if (history.answered > 0) parts.push(`${history.answered} this session`);
    if (history.pace !== null) {
      parts.push(`${(history.pace / 1000).toFixed(1)} s per image`);
      if (now < images) parts.push(`about ${duration((images - now) * history.pace)} left`);
    }
    this.text.textContent = parts.join(' · ');
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
