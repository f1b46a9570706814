import { count, element } from './dom.js';
/** @import { ApiError } from './api.js' */
/** @import { Outbox } from './outbox.js' */
/** @import { Answer, RefusedItem, StoredItem } from '../types' */

const PATIENCE = 1500; // milliseconds before the page mentions an answer that is being sent

/**
 * What each kind of item is called, in the singular.
 *
 * @type {Record<StoredItem['kind'], string>}
 */
const NOUNS = { answer: 'answer', undo: 'undo', exclude: 'exclusion', flag: 'flag', sweep: 'page', 'sweep undo': 'undone page', people: 'face set', 'people undo': 'undone face set' };

/** Shows how many answers and other items wait for the server, and each refused item with its reason and what to do. */
export class OutboxStatus {
  /**
   * @param {Outbox} outbox
   * @param {HTMLElement} line
   * @param {HTMLElement} refused
   * @param {(values: Record<string, Answer>) => string[][]} words puts answers into words
   */
  constructor(outbox, line, refused, words) {
    this.outbox = outbox;
    this.line = line;
    this.refused = refused;
    this.words = words;
    /** @type {?ApiError} */
    this.trouble = null;
    /** @type {number|undefined} */
    this.timer = undefined;
    outbox.on('trouble', (error) => this.render(error));
    outbox.on('calm', () => this.render(null));
    outbox.on('change', () => this.render());
    this.render();
  }

  /** @param {?ApiError} trouble */
  render(trouble = this.trouble) {
    this.trouble = trouble;
    const items = this.outbox.waiting();
    document.documentElement.dataset.unsent = String(items.length);
    clearTimeout(this.timer);
    // A healthy server takes milliseconds: no flicker for that.
    if (trouble || items.length === 0) this.say(items);
    else this.timer = setTimeout(() => this.say(this.outbox.waiting()), PATIENCE);
    this.renderRefused(this.outbox.refused());
  }

  /** @param {StoredItem[]} items */
  say(items) {
    const kinds = Object.groupBy(items, (item) => item.kind);
    const parts = Object.entries(kinds).map(([kind, some]) => count(some?.length ?? 0, NOUNS[/** @type {StoredItem['kind']} */ (kind)]));
    const waiting = items.length === 1 ? 'is waiting for the server; this browser keeps it.' : 'are waiting for the server; this browser keeps them.';
    const text = parts.length ? `${parts.join(' and ')} ${waiting} ${this.trouble?.message ?? ''}` : '';
    this.line.dataset.waiting = String(items.length > 0);
    if (this.line.textContent !== text) this.line.textContent = text || 'All answers are saved.';
  }

  /** @param {RefusedItem[]} items */
  renderRefused(items) {
    document.documentElement.dataset.refused = String(items.length);
    this.refused.hidden = items.length === 0;
    if (items.length === 0) return this.refused.replaceChildren();
    const noun = items.every((item) => item.kind === 'answer') ? 'answer' : 'change';
    const title = `${count(items.length, noun)} refused by the server`;
    this.refused.replaceChildren(element('h2', {}, title), element('ul', {}, ...items.map((item) => this.refusal(item))));
  }

  /** @param {RefusedItem} item */
  refusal(item) {
    const { what, kept, do: advice } = item.error;
    const change = item.kind !== 'answer' ? NOUNS[item.kind] : this.words(item.body.values).map((pair) => pair.join(' ')).join(' · ') || 'skip';
    const again = element('button', { type: 'button', onclick: () => this.outbox.sendAgain(item.key) }, 'Send again');
    const drop = element('button', { type: 'button', onclick: () => this.outbox.dropRefused(item.key) }, 'Discard');
    return element('li', {}, element('b', {}, item.image_name), ` (${change}): ${[what, kept, advice].filter(Boolean).join(' ')} `, again, drop);
  }
}
