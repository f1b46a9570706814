import { count, element } from './dom.js';

const PATIENCE = 1500; // milliseconds before an answer under way is worth a word

/** Says how many answers (and undos, flags …) wait for the server, and shows those it refused, with the reason and what can be done. */
export class Unsent {
  /**
   * @param {import('./outbox.js').Outbox} outbox
   * @param {HTMLElement} line
   * @param {HTMLElement} refused
   * @param {(values: Object) => string[][]} words puts answers into words
   */
  constructor(outbox, line, refused, words) {
    Object.assign(this, { outbox, line, refused, words, trouble: null, timer: null });
    outbox.addEventListener('trouble', ({ detail }) => this.render(detail));
    outbox.addEventListener('calm', () => this.render(null));
    outbox.addEventListener('change', () => this.render());
    this.render();
  }

  render(trouble = this.trouble) {
    this.trouble = trouble;
    const items = this.outbox.waiting();
    document.documentElement.dataset.unsent = items.length;
    clearTimeout(this.timer);
    // A healthy server takes milliseconds: no flicker for that.
    if (trouble || items.length === 0) this.say(items);
    else this.timer = setTimeout(() => this.say(this.outbox.waiting()), PATIENCE);
    this.renderRefused(this.outbox.refused());
  }

  say(items) {
    const kinds = Object.groupBy(items, (item) => item.kind);
    const parts = Object.entries(kinds).map(([kind, some]) => count(some.length, kind));
    const verb = items.length === 1 ? 'waits' : 'wait';
    const text = parts.length ? `${parts.join(' and ')} ${verb} for the server, kept in this browser. ${this.trouble?.message ?? ''}` : '';
    this.line.dataset.waiting = items.length > 0;
    if (this.line.textContent !== text) this.line.textContent = text || 'All answers are saved.';
  }

  renderRefused(items) {
    document.documentElement.dataset.refused = items.length;
    this.refused.hidden = items.length === 0;
    if (items.length === 0) return this.refused.replaceChildren();
    const noun = items.every((item) => item.kind === 'answer') ? 'answer' : 'change';
    const title = `${count(items.length, noun)} refused by the server`;
    this.refused.replaceChildren(element('h2', {}, title), element('ul', {}, ...items.map((item) => this.refusal(item))));
  }

  refusal(item) {
    const { what, kept, do: advice } = item.error;
    const said = item.kind !== 'answer' ? item.kind : this.words(item.body.values).map((pair) => pair.join(' ')).join(' · ') || 'skip';
    const again = element('button', { type: 'button', onclick: () => this.outbox.sendAgain(item.key) }, 'Send again');
    const drop = element('button', { type: 'button', onclick: () => this.outbox.dropRefused(item.key) }, 'Discard');
    return element('li', {}, element('b', {}, item.image_name), ` (${said}): ${[what, kept, advice].filter(Boolean).join(' ')} `, again, drop);
  }
}
