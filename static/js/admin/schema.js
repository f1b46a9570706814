/** The schema page: what is asked, and for an admin the changes, previewed while they are made. */
import { call } from '../lib/api.js';
import { byId, count, element, find, findAll, messageOf } from '../lib/dom.js';
import { postOnce, untilAnswered } from '../lib/retry.js';
import { editCard, readCard } from './schema_card.js';
import { addAttribute, attributesOf, draftOf, move } from './schema_draft.js';
/** @import { SchemaChange, SchemaDetail } from '../types' */
/** @import { DraftAttribute } from './schema_draft.js' */

const PAUSE = 350; // milliseconds without a key press until the preview is asked for

class SchemaPage {
  constructor() {
    /** @type {?SchemaDetail} as the server has it */
    this.schema = null;
    /** @type {DraftAttribute[]} */
    this.draft = [];
    /** @type {Set<DraftAttribute>} */
    this.editing = new Set();
    /** @type {SchemaChange[]} */
    this.changes = [];
    this.asked = 0; // number of the last preview: answers to earlier ones come too late
    this.timer = 0;
    this.dialog = byId('confirm', HTMLDialogElement);
    this.applyButton = byId('apply', HTMLButtonElement);
    this.discardButton = byId('discard', HTMLButtonElement);
    byId('add').addEventListener('click', () => this.add());
    this.applyButton.addEventListener('click', () => this.confirm());
    this.discardButton.addEventListener('click', () => this.discard());
    this.dialog.addEventListener('close', () => this.dialog.returnValue === 'apply' && this.apply());
    addEventListener('beforeunload', (event) => this.changes.length > 0 && event.preventDefault());
  }

  async load() {
    /** @type {SchemaDetail} */
    const schema = await call('GET', 'schema/changes');
    this.schema = schema;
    this.draft = draftOf(schema);
    this.editing.clear();
    this.asked += 1;
    const may = schema.may_change;
    byId('add').hidden = !may;
    byId('changes').hidden = !may;
    byId('message').textContent = may ? '' : 'Only an admin can change the schema.';
    this.tell([]);
    this.draw();
    document.documentElement.dataset.state = 'ready';
  }

  draw() {
    byId('attributes').replaceChildren(...this.draft.map((attribute) => this.card(attribute)));
  }

  /** @param {DraftAttribute} attribute */
  card(attribute) {
    const tools = this.schema?.may_change ? this.tools(attribute) : [];
    if (!this.editing.has(attribute)) return readCard(attribute, tools);
    return editCard(attribute, tools, () => this.changed(), (focus) => this.redraw(attribute, focus));
  }

  /** @param {DraftAttribute} attribute */
  tools(attribute) {
    const name = attribute.title || 'the new attribute';
    const place = this.draft.indexOf(attribute);
    const button = (/** @type {string} */ focus, /** @type {string} */ words, /** @type {string} */ label, /** @type {() => void} */ act, disabled = false) => element('button', { type: 'button', 'data-focus': focus, 'aria-label': label, disabled, onclick: act }, words);
    const isOpen = this.editing.has(attribute);
    const toggle = () => {
      if (isOpen) this.editing.delete(attribute);
      else this.editing.add(attribute);
      this.redraw(attribute, 'edit', false);
    };
    const edit = attribute.old === null ? button('edit', 'Remove', `Remove ${name}`, () => this.remove(attribute))
      : button('edit', isOpen ? 'Close' : 'Edit', `${isOpen ? 'Close' : 'Edit'} ${name}`, toggle);
    const shift = (/** @type {1|-1} */ by, /** @type {string} */ focus) => () => {
      move(this.draft, attribute, by);
      this.redraw(attribute, focus);
    };
    return [button('up', '↑', `Move ${name} up`, shift(-1, 'up'), place === 0),
      button('down', '↓', `Move ${name} down`, shift(1, 'down'), place === this.draft.length - 1), edit];
  }

  /**
   * @param {DraftAttribute} attribute
   * @param {string} focus the data-focus to go to
   * @param {boolean} [isChange]
   */
  redraw(attribute, focus, isChange = true) {
    this.draw();
    const card = byId('attributes').children[this.draft.indexOf(attribute)];
    const [wanted] = [`[data-focus="${focus}"]:not(:disabled)`, '[data-focus=edit]'].flatMap((selector) => findAll(card, selector));
    wanted?.focus();
    if (isChange) this.changed();
  }

  add() {
    const attribute = addAttribute(this.draft);
    this.editing.add(attribute);
    this.redraw(attribute, 'title');
  }

  /** @param {DraftAttribute} attribute */
  remove(attribute) {
    this.draft = this.draft.filter((other) => other !== attribute);
    this.draw();
    this.changed();
    byId('add').focus();
  }

  body() {
    return { version: this.schema?.version, attributes: attributesOf(this.draft) };
  }

  changed() {
    clearTimeout(this.timer);
    this.asked += 1;
    document.documentElement.dataset.state = 'asking';
    this.applyButton.disabled = true;
    this.discardButton.disabled = false;
    this.timer = setTimeout(() => this.preview(), PAUSE);
  }

  async preview() {
    const number = this.asked;
    if (this.draft.some((attribute) => attribute.old === null && attribute.title === '' && attribute.name === '')) {
      this.tell([], '');
      byId('state').textContent = 'Type a title for the new attribute.';
      this.discardButton.disabled = false;
      document.documentElement.dataset.state = 'ready';
      return;
    }
    try {
      const { changes } = await call('POST', 'schema/changes/preview', this.body());
      if (number === this.asked) this.tell(changes);
    } catch (error) {
      if (number === this.asked) this.tell([], messageOf(error));
    }
    if (number === this.asked) document.documentElement.dataset.state = 'ready';
  }

  /**
   * @param {SchemaChange[]} changes
   * @param {string} [problem]
   */
  tell(changes, problem = '') {
    this.changes = changes;
    byId('state').textContent = problem || (changes.length === 0 ? 'No changes yet. Edit an attribute to see the effect here.' : `${count(changes.length, 'change')}, not applied yet.`);
    byId('state').classList.toggle('problem', problem !== '');
    byId('list').replaceChildren(...changes.map(line));
    this.applyButton.disabled = changes.length === 0;
    this.discardButton.disabled = changes.length === 0 && problem === '';
  }

  confirm() {
    byId('confirm-title').textContent = `Apply ${count(this.changes.length, 'change')}?`;
    find(this.dialog, '.changes').replaceChildren(...this.changes.map(line));
    this.dialog.returnValue = '';
    this.dialog.showModal();
  }

  async discard() {
    await this.trying(() => this.load());
    byId('add').focus();
  }

  async apply() {
    const number = this.changes.length;
    await this.trying(async () => {
      await postOnce('schema/changes', this.body());
      await this.load();
      byId('message').textContent = `${count(number, 'change')} applied and written to attributes.toml.`;
      byId('message').className = 'success';
      byId('add').focus();
    });
  }

  /** @param {() => Promise<void>} action */
  async trying(action) {
    byId('error').textContent = '';
    try {
      await action();
    } catch (error) {
      byId('error').textContent = messageOf(error);
    }
  }
}

/** @param {SchemaChange} change */
function line({ text, warning }) {
  return element('li', {}, text, warning ? element('span', { class: 'warning' }, warning) : '');
}

const page = new SchemaPage();
await untilAnswered(() => page.load(), ({ message }) => { byId('message').textContent = `${message} Trying again …`; });
