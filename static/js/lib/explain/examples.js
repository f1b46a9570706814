/** The examples of a guideline on the schema page: to read, and to change. */
import { element } from '../dom.js';
/** @import { DraftAttribute } from '../../admin/schema_draft.js' */
/** @import { Redraw } from '../../admin/schema_card.js' */

const DRAWN = 'drawn:';
const DRAWINGS = new URL('../../../examples/', import.meta.url).pathname;

/** @param {DraftAttribute} attribute @param {number} code */
const valueName = (attribute, code) => attribute.values.find((value) => value.code === code)?.name ?? String(code);

/**
 * An example: its picture if it is a drawing of the program, else the name of its image.
 *
 * @param {DraftAttribute} attribute
 * @param {{image: string, code: number}} example
 * @param {...Node} tools
 */
function exampleNode(attribute, { image, code }, ...tools) {
  const drawn = image.startsWith(DRAWN);
  const shown = drawn ? element('img', { src: `${DRAWINGS}${encodeURIComponent(image.slice(DRAWN.length))}.webp`, alt: '', width: 72, height: 72, loading: 'lazy' }) : element('code', {}, image);
  return element('li', {}, shown, element('span', {}, valueName(attribute, code)), ...tools);
}

/**
 * The examples to read.
 *
 * @param {DraftAttribute} attribute
 */
export function exampleList(attribute) {
  if (attribute.examples.length === 0) return '';
  return element('ul', { class: 'example-list', 'aria-label': `Examples of ${attribute.title}` }, ...attribute.examples.map((example) => exampleNode(attribute, example)));
}

/**
 * The examples to change: remove one, or add an image of the project.
 *
 * @param {DraftAttribute} attribute it is changed in place
 * @param {Redraw} redraw
 */
export function examplesEditor(attribute, redraw) {
  if (attribute.kind === 'open') return '';
  const remove = (/** @type {{image: string, code: number}} */ example) => element('button', { type: 'button', 'aria-label': `Remove the example of ${valueName(attribute, example.code)}`,
    onclick: () => {
      attribute.examples = attribute.examples.filter((other) => other !== example);
      redraw('example image');
    } }, 'Remove');
  const value = element('select', { 'aria-label': 'Value of the new example' }, ...attribute.values.map(({ code, name }) => element('option', { value: code }, `${code} ${name}`)));
  const image = element('input', { 'aria-label': 'Image of the new example', placeholder: 'Name of an image', maxlength: 500, autocomplete: 'off', 'data-focus': 'example image' });
  const add = () => {
    if (!image.value.trim()) return image.focus();
    attribute.examples = [...attribute.examples, { image: image.value.trim(), code: Number(value.value) }];
    redraw('example image');
  };
  return element('fieldset', { class: 'examples-field' }, element('legend', {}, 'Examples'),
    element('ul', { class: 'example-list' }, ...attribute.examples.map((example) => exampleNode(attribute, example, remove(example)))),
    element('p', { class: 'controls' }, value, image, element('button', { type: 'button', onclick: add }, 'Add an example')));
}
