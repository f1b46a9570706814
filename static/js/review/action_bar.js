import { asApiError, call } from '../lib/api.js';
import { byId, count, element, find, findAll, onSubmit } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';
import { ACTIONS } from './actions.js';
/** @import { ProjectStorage } from '../lib/storage.js' */
/** @import { Attribute } from '../types' */
/** @import { Action } from './actions.js' */

/** What a change does. @typedef {{images: number, changed: number, same: number, opinions: number, unchanged: number, why: string, held: number}} Effect */
/** A change, and the path that undoes it. @typedef {{path: string, key: string, text: string}} Done */

const WAIT = 150; // milliseconds after the last change of a field until the preview is asked for
const KEPT = 50; // changes of this tab that can be undone

/**
 * A change in words: what becomes of the images.
 *
 * @param {Effect} effect
 */
export function effectInWords({ images, changed, same, opinions, unchanged, why, held }) {
  const parts = [`${count(changed, 'image')} of ${images.toLocaleString('en')} will change`];
  if (same > 0) parts.push(`${same.toLocaleString('en')} ${same === 1 ? 'is' : 'are'} so already`);
  if (opinions > 0) parts.push(`${opinions.toLocaleString('en')} ${opinions === 1 ? 'gets' : 'get'} an opinion only, because a reviewer decided`);
  if (unchanged > 0) parts.push(`${unchanged.toLocaleString('en')} ${unchanged === 1 ? 'stays' : 'stay'}: ${why}`);
  if (held > 0) parts.push(`${held.toLocaleString('en')} ${held === 1 ? 'is' : 'are'} being labelled by others, who keep ${held === 1 ? 'it' : 'them'}`);
  return `${parts.join('; ')}.`;
}

/** The buttons for the selected images, the dialog of an action, and undo. */
export class ActionBar {
  /**
   * @param {Attribute[]} schema
   * @param {ProjectStorage} store of this tab
   * @param {{images: () => number[], changed: (text: string) => Promise<void>, say: (text: string) => void}} page
   */
  constructor(schema, store, page) {
    this.schema = schema;
    this.store = store;
    this.page = page;
    this.dialog = byId('action', HTMLDialogElement);
    this.form = find(this.dialog, 'form', HTMLFormElement);
    /** @type {?Action} */
    this.action = null;
    /** @type {number[]} */
    this.images = [];
    this.busy = false;
    this.timer = 0;
    byId('actions').replaceChildren(...ACTIONS.map((action) => element('button', { type: 'button', 'data-action': action.name, 'data-needs': action.needs ?? null, onclick: () => this.open(action) },
      action.key ? element('kbd', {}, action.key.length === 1 ? action.key.toUpperCase() : action.key) : '', ` ${action.title} …`)));
    this.form.addEventListener('input', () => this.preview());
    onSubmit(this.form, () => this.submit());
    find(this.dialog, '[data-close]').addEventListener('click', () => this.dialog.close());
    byId('undo').addEventListener('click', () => this.undo());
    this.render(0);
  }

  /** @type {Done[]} */
  get history() {
    return this.store.get('selection changes') ?? [];
  }

  set history(list) {
    this.store.set('selection changes', list.slice(-KEPT));
    byId('undo').hidden = list.length === 0;
  }

  /** @param {number} selected */
  render(selected) {
    byId('selected').textContent = selected === 0 ? '' : `${selected.toLocaleString('en')} selected`;
    byId('selection-bar').dataset.selected = String(selected);
    for (const button of findAll(byId('selection-bar'), '[data-action], [data-for-selection]')) button.toggleAttribute('disabled', selected === 0);
    byId('undo').hidden = this.history.length === 0;
  }

  /** @param {string} key */
  openByKey(key) {
    const action = ACTIONS.find((one) => one.key === key);
    const button = action && byId('actions').querySelector(`[data-action=${action.name}]`);
    // What a role may not do is hidden by the style sheet.
    if (!action || !(button instanceof HTMLElement) || button.offsetParent === null) return false;
    this.open(action);
    return true;
  }

  /** @param {Action} action */
  open(action) {
    this.images = this.page.images();
    if (this.images.length === 0) return;
    this.action = action;
    find(this.dialog, 'h2').textContent = action.title;
    find(this.dialog, '.fields').replaceChildren(...action.fields(this.schema));
    find(this.dialog, '.error').textContent = '';
    this.dialog.showModal();
    this.preview(0);
  }

  /** Tell what the change would do, as soon as the fields are quiet. */
  preview(wait = WAIT) {
    const place = find(this.dialog, '.preview');
    clearTimeout(this.timer);
    this.timer = window.setTimeout(async () => {
      const { action } = this;
      place.textContent = '';
      if (!action?.preview || !this.form.checkValidity()) return;
      try {
        const effect = await call('POST', action.preview, action.body(new FormData(this.form), this.images));
        place.textContent = effectInWords(effect);
        find(this.dialog, '.error').textContent = '';
      } catch (error) {
        place.textContent = '';
        find(this.dialog, '.error').textContent = asApiError(error).message;
      }
    }, wait);
  }

  async submit() {
    const { action, images } = this;
    if (!action || this.busy) return;
    this.busy = true;
    try {
      const { key } = await postOnce(action.path, action.body(new FormData(this.form), images));
      this.history = [...this.history, { path: action.undo ?? `${action.path}/undo`, key, text: action.title }];
      this.dialog.close();
      await this.page.changed(`${action.title}: ${count(images.length, 'image')}. Backspace undoes it.`);
    } catch (error) {
      find(this.dialog, '.error').textContent = asApiError(error).message;
    }
    this.busy = false;
  }

  /** Backspace: undo the last change of this tab. */
  async undo() {
    const last = this.history.at(-1);
    if (this.busy) return;
    if (!last) return this.page.say('Nothing to undo: this tab has changed nothing.');
    this.busy = true;
    try {
      await postOnce(last.path, { submission: last.key });
      this.history = this.history.slice(0, -1);
      await this.page.changed(`Undone: ${last.text}.`);
    } catch (error) {
      const failure = asApiError(error);
      if (failure.status === 404 || failure.code === 'already_undone') this.history = this.history.slice(0, -1);
      byId('error').textContent = failure.message;
    }
    this.busy = false;
  }
}
