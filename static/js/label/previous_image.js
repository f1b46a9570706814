import { element } from '../lib/dom.js';
/** @import { Finished } from './session_history.js' */

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
    const text = element('p', {}, ...(entry.skip ? ['skipped'] : answers.flatMap((one, at) => (at ? [' · ', one] : [one]))));
    const key = element('span', { class: 'by-key' }, ' · press ', element('kbd', {}, 'Backspace'), ' to return to it');
    const hint = element('p', { class: 'hint' }, 'Previous: ', entry.task.image_name, key);
    this.root.replaceChildren(thumbnail, element('div', {}, hint, text));
  }
}
