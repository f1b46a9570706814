/**
 * What can be done with the selected images. The list is open: an action is an entry of `ACTIONS`, with the fields that it asks
 * for and the API that it calls. Whatever it changes is one submission, and its key undoes it.
 */
import { byId, element } from '../lib/dom.js';
import { reasonText } from '../lib/exclude/words.js';
/** @import { Attribute } from '../types' */

/**
 * @typedef {Object} Action
 * @property {string} name unique; the value of `data-action`
 * @property {string} title of its button and its dialog
 * @property {string} [key] opens it, when images are selected
 * @property {'reviewer'|'admin'} [needs] the role
 * @property {string} path below /api/v1/
 * @property {string} [undo] the path that takes `{submission}` and undoes it; without it, `path/undo`
 * @property {string} [preview] the path that tells what would change
 * @property {(schema: Attribute[]) => Node[]} fields of its dialog
 * @property {(form: FormData, images: number[]) => Object} body of the request
 */

/** @param {Attribute[]} schema */
const categorical = (schema) => schema.filter(({ kind }) => kind === 'categorical');

/**
 * A select for an attribute and one for its values.
 *
 * @param {Attribute[]} schema
 */
function valueFields(schema) {
  const attributes = categorical(schema);
  const value = element('select', { name: 'value' });
  const attribute = element('select', { name: 'attribute' }, ...attributes.map(({ name, title }) => element('option', { value: name }, title)));
  const offer = () => {
    const values = attributes.find(({ name }) => name === attribute.value)?.values ?? [];
    value.replaceChildren(...values.map(({ code, name }) => element('option', { value: code }, name)), element('option', { value: '' }, "can't tell"));
  };
  attribute.addEventListener('change', offer);
  offer();
  return [element('label', {}, 'Attribute ', attribute), element('label', {}, 'Value ', value)];
}

const adjudicate = (/** @type {string} */ words) => element('label', { class: 'inline', 'data-needs': 'reviewer' }, element('input', { type: 'checkbox', name: 'adjudicate' }), ` ${words}`);

/** Why images can be excluded, as the API writes it. */
const reasons = () => (byId('action').dataset.exclusionReasons ?? '').split(',');

/** @type {Action[]} */
export const ACTIONS = [
  {
    name: 'set', title: 'Set a value', key: 'v', path: 'selection', preview: 'selection/preview',
    fields: (schema) => [...valueFields(schema), adjudicate('adjudicate: later answers are only opinions')],
    body: (form, images) => ({ action: 'set', images, attribute: form.get('attribute'), value: form.get('value') === '' ? null : Number(form.get('value')), adjudicate: form.has('adjudicate') }),
  },
  {
    name: 'clear', title: 'Clear answers', key: 'c', needs: 'reviewer', path: 'selection', preview: 'selection/preview',
    fields: (schema) => [
      element('label', {}, 'Attribute ', element('select', { name: 'attribute' }, element('option', { value: '' }, 'all attributes'), ...schema.map(({ name, title }) => element('option', { value: name }, title)))),
      adjudicate("reviewers' decisions too"),
    ],
    body: (form, images) => ({ action: 'clear', images, ...(form.get('attribute') ? { attribute: form.get('attribute') } : {}), adjudicate: form.has('adjudicate') }),
  },
  {
    name: 'flag', title: 'Flag', key: '!', path: 'selection', preview: 'selection/preview',
    fields: () => [element('label', {}, 'Note for a reviewer ', element('input', { name: 'note', maxlength: 500, required: true, autocomplete: 'off' }))],
    body: (form, images) => ({ action: 'flag', images, note: String(form.get('note')) }),
  },
  {
    name: 'exclude', title: 'Exclude', key: 'Delete', path: 'exclusions',
    fields: () => [
      element('p', { class: 'muted' }, 'An excluded image is in no queue, metric, training or export. Its labels stay.'),
      element('label', {}, 'Reason ', element('select', { name: 'reason' }, ...reasons().map((reason) => element('option', { value: reason }, reasonText(reason))))),
      element('label', {}, 'Note ', element('input', { name: 'note', maxlength: 500, autocomplete: 'off' })),
    ],
    body: (form, images) => ({ image_ids: images, reason: form.get('reason'), note: form.get('note') }),
  },
  {
    name: 'restore', title: 'Restore', needs: 'reviewer', path: 'exclusions/restore', undo: 'exclusions/undo',
    fields: () => [element('p', { class: 'muted' }, 'Excluded images count again.')],
    body: (_, images) => ({ image_ids: images }),
  },
  {
    name: 'gold', title: 'Make gold', key: 'g', needs: 'reviewer', path: 'selection', preview: 'selection/preview',
    fields: () => [element('p', { class: 'muted' }, "The reviewers' decisions become known answers, which measure labellers.")],
    body: (_, images) => ({ action: 'gold', images }),
  },
];
