import { element } from '../lib/dom.js';
import { reasonText } from '../lib/exclude/words.js';
/** @import { Finished } from './session_history.js' */

/**
 * What became of an image that was not answered.
 *
 * @param {Finished} entry
 */
export function withoutAnswer({ reason, excluded }) {
  return excluded ? `excluded: ${reasonText(excluded.reason)}` : ['skipped', reason].filter(Boolean).join(': ');
}

/** The previous image with its answers, which lets a labeller notice a slip. Its place on the page is always reserved. */
export class PreviousImage {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  clear() {
    this.root.classList.remove('filled');
    this.root.replaceChildren();
  }

  /**
   * @param {Finished} entry the last of the history
   * @param {HTMLImageElement} thumbnail
   * @param {string[][]} words [title, value] of each answer
   */
  render(entry, thumbnail, words) {
    this.root.classList.add('filled');
    const answers = words.map(([title, value]) => element('span', {}, `${title} `, element('b', {}, value)));
    const text = element('p', {}, ...(entry.skip ? [withoutAnswer(entry)] : answers.flatMap((one, at) => (at ? [' · ', one] : [one]))));
    const key = element('span', { class: 'by-key' }, ' · press ', element('kbd', {}, 'Backspace'), ' to return to it');
    const hint = element('p', { class: 'hint' }, 'Previous: ', entry.task.image_name, key);
    this.root.replaceChildren(thumbnail, element('div', {}, hint, text));
  }
}
