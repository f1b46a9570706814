import { asApiError, call } from './api.js';
import { element } from './dom.js';
import { pause } from './retry.js';
/** @import { Attribute } from '../types' */

const SHOWN = 6;
const ASKED = 20; // names that are asked for at once
const PAUSE = 120; // milliseconds without a key until the server is asked
const PATIENCE = 1000; // milliseconds that Enter waits for the server, so that a known name is not added in another spelling

/** Text field for an open attribute: a person's name, with the known people who match below it (an ARIA combobox). */
export class PersonField {
  /**
   * @param {Pick<Attribute, 'name'|'title'|'values'> & {searched?: boolean}} attribute its `values` are the people known so far; if it
   *   is `searched` the server finds them
   * @param {{onmark: () => void, onanswer: (name: string) => void}} listeners
   */
  constructor(attribute, { onmark, onanswer }) {
    this.onanswer = onanswer;
    this.known = attribute.values.map((value) => value.name);
    this.searched = attribute.searched ?? false;
    this.chosen = -1; // place in the list
    /** @type {?Promise<void>} */
    this.asked = null;
    /** @type {number|undefined} */
    this.timer = undefined;
    const list = `people-${attribute.name}`;
    this.list = element('ul', { id: list, class: 'people', role: 'listbox', 'aria-label': 'Known people', hidden: true });
    this.input = element('input', {
      type: 'text', class: 'person', autocomplete: 'off', spellcheck: 'false', maxlength: 200, tabindex: -1,
      placeholder: 'Name', role: 'combobox', 'aria-label': `${attribute.title}: a person's name`,
      'aria-expanded': 'false', 'aria-controls': list, 'aria-autocomplete': 'list',
      oninput: () => this.typed(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event), onfocus: onmark, onblur: () => this.close(),
    });
    this.chip = element('button', { type: 'button', class: 'value given', tabindex: -1, hidden: true,
      onclick: () => onanswer(this.chip.textContent ?? '') });
    this.node = element('div', { class: 'combobox' }, this.input, this.list);
  }

  /**
   * Show the answer (or else the suggestion) beside the field.
   *
   * @param {?string} [answer]
   * @param {?string} [suggested]
   */
  render(answer, suggested) {
    const text = answer ?? suggested;
    this.chip.hidden = !text;
    this.chip.textContent = text ?? '';
    this.chip.setAttribute('aria-pressed', String(Boolean(answer)));
    this.chip.classList.toggle('suggested', !answer && Boolean(suggested));
  }

  focus() {
    this.input.value = '';
    this.close();
    this.input.focus();
  }

  /**
   * Known people: those whose name begins with the text first, then those who have it anywhere.
   *
   * @param {string} text
   */
  matches(text) {
    const wanted = text.toLowerCase();
    const matching = this.known.map((name) => ({ name, place: name.toLowerCase().indexOf(wanted) })).filter(({ place }) => place >= 0);
    matching.sort((a, b) => Math.sign(a.place) - Math.sign(b.place) || a.name.localeCompare(b.name));
    return matching.slice(0, SHOWN).map(({ name }) => name);
  }

  get text() {
    return this.input.value.trim().replace(/\s+/g, ' ');
  }

  typed() {
    this.match();
    clearTimeout(this.timer);
    const { text } = this;
    this.asked = this.searched && text ? new Promise((resolve) => { this.timer = setTimeout(() => resolve(this.ask(text)), PAUSE); }) : null;
  }

  /**
   * What the server finds is known from now on; without an answer the names known so far must do.
   *
   * @param {string} text
   */
  async ask(text) {
    try {
      /** @type {{names: string[]}} */
      const { names } = await call('GET', `people/names?${new URLSearchParams({ search: text, limit: String(ASKED) })}`);
      this.known.push(...names.filter((name) => !this.known.includes(name)));
      if (text === this.text && this.chosen < 0) this.match();
    } catch (error) {
      asApiError(error);
    }
  }

  /** Enter: the chosen name, or what is typed. */
  async enter() {
    const chosen = this.options[this.chosen]?.dataset.name;
    const { text } = this;
    if (!chosen && this.asked) await Promise.race([this.asked, pause(PATIENCE)]);
    if (chosen || text === this.text) this.take(chosen ?? text);
  }

  match() {
    this.chosen = -1;
    const names = this.text ? this.matches(this.text) : [];
    const isNew = this.text && !names.some((name) => name.toLowerCase() === this.text.toLowerCase());
    const option = (/** @type {string} */ name, /** @type {number} */ place, text = name) => element('li', { role: 'option', id: `${this.list.id}-${place}`, 'data-name': name,
      class: text === name ? null : 'new', 'aria-selected': 'false', onmousedown: (/** @type {Event} */ event) => { event.preventDefault(); this.take(name); } }, text);
    this.list.replaceChildren(...names.map((name, place) => option(name, place)));
    if (isNew) this.list.append(option(this.text, names.length, `Press Enter to add “${this.text}” as a new person`));
    this.list.hidden = this.list.childElementCount === 0;
    this.list.classList.toggle('above', this.input.getBoundingClientRect().bottom + 230 > innerHeight);
    this.input.setAttribute('aria-expanded', String(!this.list.hidden));
    this.input.removeAttribute('aria-activedescendant');
  }

  get options() {
    return [...this.list.children].filter((option) => option instanceof HTMLElement);
  }

  /** @param {1|-1} by */
  choose(by) {
    const { options } = this;
    if (options.length === 0) return;
    this.chosen = (Math.max(this.chosen, by < 0 ? 0 : -1) + by + options.length) % options.length;
    options.forEach((option, place) => option.setAttribute('aria-selected', String(place === this.chosen)));
    this.input.setAttribute('aria-activedescendant', options[this.chosen].id);
  }

  /**
   * Keys while something is typed; with an empty field the page's own keys hold, so nothing is stopped here.
   *
   * @param {KeyboardEvent} event
   */
  key(event) {
    if (!this.input.value || event.isComposing) return;
    event.stopPropagation();
    if (event.key === 'Enter') this.enter();
    else if (event.key === 'Escape') this.leave();
    else if (event.key === 'ArrowDown') this.choose(1);
    else if (event.key === 'ArrowUp') this.choose(-1);
    else return;
    event.preventDefault();
  }

  leave() {
    this.input.value = '';
    this.input.blur();
  }

  /** @param {string} name */
  take(name) {
    if (!name) return this.leave();
    const spelled = this.known.find((other) => other.toLowerCase() === name.toLowerCase()) ?? name;
    if (!this.known.includes(spelled)) this.known.push(spelled);
    this.leave();
    this.onanswer(spelled);
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
  }
}
