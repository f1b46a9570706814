/** The schema page: what is asked, and for an admin the changes, previewed while they are made. */
import { call } from '../lib/api.js';
import { count, element } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';
import { editCard, readCard } from './schema_card.js';
import { addAttribute, attributesOf, draftOf, move } from './schema_draft.js';

const PAUSE = 350; // milliseconds without a key press until the preview is asked for
const at = (id) => document.getElementById(id);

class SchemaPage {
  constructor() {
    Object.assign(this, { whole: null, draft: [], editing: new Set(), changes: [], asked: 0, timer: 0 });
    at('add').addEventListener('click', () => this.add());
    at('apply').addEventListener('click', () => this.confirm());
    at('discard').addEventListener('click', () => this.discard());
    at('confirm').addEventListener('close', () => at('confirm').returnValue === 'apply' && this.apply());
    addEventListener('beforeunload', (event) => this.changes.length > 0 && event.preventDefault());
  }

  async load() {
    this.whole = await call('GET', 'schema/changes');
    Object.assign(this, { draft: draftOf(this.whole), editing: new Set(), changes: [], asked: this.asked + 1 });
    const may = this.whole.may_change;
    at('add').hidden = !may;
    at('changes').hidden = !may;
    at('message').textContent = may ? '' : 'Only an admin changes the schema.';
    this.tell([]);
    this.draw();
    document.documentElement.dataset.state = 'ready';
  }

  draw() {
    at('attributes').replaceChildren(...this.draft.map((attribute) => this.card(attribute)));
  }

  card(attribute) {
    const tools = this.whole.may_change ? this.tools(attribute) : [];
    if (!this.editing.has(attribute)) return readCard(attribute, tools);
    return editCard(attribute, tools, () => this.changed(), (focus) => this.redraw(attribute, focus));
  }

  tools(attribute) {
    const name = attribute.title || 'the new attribute';
    const place = this.draft.indexOf(attribute);
    const button = (focus, words, label, act, disabled = false) => element('button', { type: 'button', 'data-focus': focus, 'aria-label': label, disabled, onclick: act }, words);
    const isOpen = this.editing.has(attribute);
    const toggle = () => {
      if (isOpen) this.editing.delete(attribute);
      else this.editing.add(attribute);
      this.redraw(attribute, 'edit', false);
    };
    const edit = attribute.old === null ? button('edit', 'Remove', `Remove ${name}`, () => this.remove(attribute))
      : button('edit', isOpen ? 'Close' : 'Edit', `${isOpen ? 'Close' : 'Edit'} ${name}`, toggle);
    const shift = (by, focus) => () => {
      move(this.draft, attribute, by);
      this.redraw(attribute, focus);
    };
    return [button('up', '↑', `Move ${name} up`, shift(-1, 'up'), place === 0),
      button('down', '↓', `Move ${name} down`, shift(1, 'down'), place === this.draft.length - 1), edit];
  }

  redraw(attribute, focus, isChange = true) {
    this.draw();
    const card = at('attributes').children[this.draft.indexOf(attribute)];
    const wanted = card?.querySelector(`[data-focus="${focus}"]:not(:disabled)`) ?? card?.querySelector('[data-focus=edit]');
    wanted?.focus();
    if (isChange) this.changed();
  }

  add() {
    const attribute = addAttribute(this.draft);
    this.editing.add(attribute);
    this.redraw(attribute, 'title');
  }

  remove(attribute) {
    this.draft = this.draft.filter((other) => other !== attribute);
    this.draw();
    this.changed();
    at('add').focus();
  }

  body() {
    return { version: this.whole.version, attributes: attributesOf(this.draft) };
  }

  changed() {
    clearTimeout(this.timer);
    this.asked += 1;
    document.documentElement.dataset.state = 'asking';
    at('apply').disabled = true;
    at('discard').disabled = false;
    this.timer = setTimeout(() => this.preview(), PAUSE);
  }

  async preview() {
    const number = this.asked;
    try {
      const { changes } = await call('POST', 'schema/changes/preview', this.body());
      if (number === this.asked) this.tell(changes);
    } catch (error) {
      if (number === this.asked) this.tell([], error.message);
    }
    if (number === this.asked) document.documentElement.dataset.state = 'ready';
  }

  tell(changes, problem = '') {
    this.changes = changes;
    at('state').textContent = problem || (changes.length === 0 ? 'Nothing is changed. Edit an attribute, and what it would mean is told here.' : `${count(changes.length, 'change')}, not in force yet.`);
    at('state').classList.toggle('problem', problem !== '');
    at('list').replaceChildren(...changes.map(line));
    at('apply').disabled = changes.length === 0;
    at('discard').disabled = changes.length === 0 && problem === '';
  }

  confirm() {
    at('confirm-title').textContent = `Apply ${count(this.changes.length, 'change')}?`;
    at('confirm').querySelector('.changes').replaceChildren(...this.changes.map(line));
    at('confirm').returnValue = '';
    at('confirm').showModal();
  }

  async discard() {
    await this.trying(() => this.load());
    at('add').focus();
  }

  async apply() {
    const number = this.changes.length;
    await this.trying(async () => {
      await postOnce('schema/changes', this.body());
      await this.load();
      at('message').textContent = `${count(number, 'change')} applied; attributes.toml says the same.`;
      at('add').focus();
    });
  }

  async trying(action) {
    at('error').textContent = '';
    try {
      await action();
    } catch (error) {
      at('error').textContent = error.message;
    }
  }
}

function line({ text, warning }) {
  return element('li', {}, text, warning ? element('span', { class: 'warning' }, warning) : '');
}

const page = new SchemaPage();
const load = () => page.load().catch((error) => {
  at('message').textContent = `${error.message} Trying again …`;
  setTimeout(load, 2000);
});
load();
