/** What people say about a snapshot in the list: its title and note, and the button that deletes it. */
import { call } from '../lib/api.js';
import { byId, element, find } from '../lib/dom.js';
/** @import { Snapshot } from '../types' */

const role = document.documentElement.dataset.role ?? '';

/**
 * A form for the title and the note, closed until it is asked for; only the text for those who may not change it.
 *
 * @param {Snapshot} snapshot
 * @param {(work: () => Promise<void>) => void} attempt does something and shows what went wrong
 * @param {() => Promise<void>} refresh
 */
export function noteNode({ name, title, note }, attempt, refresh) {
  const text = element('span', { class: 'snapshot-note' }, element('b', {}, title), title && note ? ' – ' : '', note);
  if (!['reviewer', 'admin'].includes(role)) return text;
  const titleField = element('input', { value: title, maxlength: 200, 'aria-label': `Title of ${name}`, placeholder: 'Title' });
  const noteField = element('input', { value: note, maxlength: 5000, 'aria-label': `Note on ${name}`, placeholder: 'Note' });
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    attempt(async () => {
      await call('POST', `snapshots/${encodeURIComponent(name)}`, { title: titleField.value, note: noteField.value });
      await refresh();
    });
  };
  const form = element('form', { class: 'controls', onsubmit: save }, titleField, noteField, element('button', {}, 'Save'));
  return element('details', { class: 'snapshot-note' }, element('summary', { 'aria-label': `Title and note of ${name}` }, title || note ? text : 'Add a title or a note'), form);
}

/**
 * A button that deletes the snapshot when it is pressed twice; none for those who may not delete.
 *
 * @param {Snapshot} snapshot
 * @param {(work: () => Promise<void>) => void} attempt
 * @param {() => Promise<void>} refresh
 */
export function deleteButton({ name }, attempt, refresh) {
  /** @param {Event} event */
  const press = ({ currentTarget }) => {
    const button = /** @type {HTMLButtonElement} */ (currentTarget);
    if (button.dataset.sure === undefined) {
      button.dataset.sure = '';
      button.textContent = 'Delete for good?';
      return;
    }
    attempt(async () => {
      await call('POST', `snapshots/${encodeURIComponent(name)}/delete`, {});
      await refresh();
      byId('message').textContent = `Snapshot ${name} is deleted.`;
      find(document, '#create button', HTMLButtonElement).focus();
    });
  };
  return element('button', { type: 'button', 'data-needs': 'admin', 'aria-label': `Delete ${name} for good`, onclick: press }, 'Delete');
}
