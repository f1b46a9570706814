/** Metrics that explain themselves: hovered, focused or tapped, they show a sentence with the number at hand. */
import { call } from '../api.js';
import { closest, element } from '../dom.js';
/** @import { Word } from '../../types' */

/** @typedef {Record<string, string|number|null|undefined>} Numbers what fills the placeholders of a sentence; null: unknown */

const GAP = 6; // pixels between a metric and its explanation

/** @type {?Promise<Map<string, Word>>} */
let words = null;

/** The words of docs/words.md, asked for once. */
function loadWords() {
  words ??= call('GET', 'words').then(({ words: list }) => new Map(list.map((/** @type {Word} */ word) => [word.word, word])));
  return words;
}

/**
 * A sentence with its numbers; sentences whose number is unknown are left out.
 *
 * @param {string} template such as "Of 100 faces, about {hundred} are right."
 * @param {Numbers} numbers
 */
export function filled(template, numbers) {
  const known = (/** @type {string} */ name) => numbers[name] !== null && numbers[name] !== undefined;
  const sentences = template.split(/(?<=\.) /).filter((sentence) => [...sentence.matchAll(/\{(\w+)\}/g)].every(([, name]) => known(name)));
  return sentences.join(' ').replace(/\{(\w+)\}/g, (_, name) => String(numbers[name]));
}

/**
 * What the page says of a metric.
 *
 * @param {Map<string, Word>} known
 * @param {string} word
 * @param {Numbers} numbers
 * @returns {[sentence: string, meaning: string]}
 */
function explanation(known, word, numbers) {
  const of = (/** @type {string} */ name) => filled(known.get(name)?.sentence ?? '', numbers);
  const extra = ['95 % interval', 'audit images', 'groups'].filter((name) => name !== word).map(of);
  const meaning = known.get(word)?.meaning ?? '';
  return [[of(word), ...extra].filter(Boolean).join(' '), meaning && `${word[0].toUpperCase()}${word.slice(1)}: ${meaning}.`];
}

/** The one bubble of the page. It lies in the top layer, so that no table cuts it off. */
class Bubble {
  constructor() {
    this.node = element('div', { class: 'explanation', popover: 'manual', 'aria-hidden': 'true' });
    /** @type {?HTMLElement} */
    this.of = null;
    addEventListener('keydown', (event) => event.key === 'Escape' && this.hide());
    addEventListener('scroll', () => this.hide(), { capture: true, passive: true });
    addEventListener('pointerdown', (event) => !closest(event, '.explained') && this.hide());
  }

  /**
   * @param {HTMLElement} button
   * @param {string[]} texts
   */
  show(button, texts) {
    if (!button.isConnected) return;
    if (!this.node.isConnected) document.body.append(this.node);
    this.node.replaceChildren(...texts.filter(Boolean).map((text) => element('p', {}, text)));
    this.of = button;
    this.node.showPopover();
    const place = button.getBoundingClientRect();
    const { width, height } = this.node.getBoundingClientRect();
    const below = place.bottom + GAP + height <= innerHeight;
    this.node.style.top = `${below ? place.bottom + GAP : Math.max(GAP, place.top - GAP - height)}px`;
    this.node.style.left = `${Math.max(GAP, Math.min(place.left, innerWidth - width - GAP))}px`;
  }

  hide() {
    this.of = null;
    if (this.node.isConnected) this.node.hidePopover();
  }
}

/** @type {?Bubble} */
let bubble = null;

/**
 * Let a link or button explain itself while it is hovered or focused. What it says is also its description for a screen reader.
 *
 * @template {HTMLElement} Target
 * @param {Target} target
 * @param {string} word of docs/words.md
 * @param {Numbers} numbers the number at hand and what else the sentence needs
 * @returns {Target}
 */
export function explain(target, word, numbers) {
  bubble ??= new Bubble();
  const shared = bubble;
  /** @type {string[]} */
  let texts = [];
  const show = () => texts.length > 0 && shared.of !== target && shared.show(target, texts);
  const hide = () => shared.of === target && shared.hide();
  target.addEventListener('pointerenter', (event) => event.pointerType === 'mouse' && show());
  target.addEventListener('pointerleave', (event) => event.pointerType === 'mouse' && target !== document.activeElement && hide());
  target.addEventListener('focus', show);
  target.addEventListener('blur', hide);
  if (target instanceof HTMLButtonElement) target.addEventListener('click', show);
  loadWords().then((known) => {
    texts = explanation(known, word, numbers);
    target.setAttribute('aria-description', texts.join(' '));
    if (target.matches(':hover, :focus')) show();
  }, () => { words = null; }); // the number is there without its sentence; the next metric asks again
  return target;
}

/**
 * A metric that explains itself, also when it is tapped.
 *
 * @param {string} word of docs/words.md
 * @param {Numbers} numbers the number at hand and what else the sentence needs
 * @param {...(Node|string)} content what the page shows
 */
export function explained(word, numbers, ...content) {
  return explain(element('button', { type: 'button', class: 'explained', 'data-word': word }, ...content), word, numbers);
}
