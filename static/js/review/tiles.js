import { count, element } from '../lib/dom.js';
import { exclusionText } from '../lib/exclude/words.js';
import { thumbnailNode } from '../lib/face_crop.js';
import { imageUrl } from '../lib/urls.js';
/** @import { Attribute, Code, ImageCard } from '../types' */

/**
 * @param {Attribute} attribute
 * @param {Code} code
 */
const valueName = (attribute, code) => (code === null ? "can't tell"
  : attribute.values.find((value) => value.code === code)?.name ?? String(code));

/**
 * The second line of a tile: the value that the view is about, else how much of the image is labelled.
 *
 * @param {ImageCard} image
 * @param {Attribute} [attribute] of the view
 */
function about(image, attribute) {
  if (attribute && attribute.name in image.labels) return image.names[attribute.name] ?? valueName(attribute, image.labels[attribute.name]);
  if (attribute && attribute.name in image.filled) return valueName(attribute, image.filled[attribute.name]);
  if (attribute) return 'not labelled';
  return image.done ? 'done' : count(Object.keys(image.labels).length, 'label');
}

/**
 * One image of the light table: a cell of the grid that can be selected; its name leads to the image's page.
 *
 * @param {ImageCard} image
 * @param {URLSearchParams} view that it is one of
 * @param {Attribute} [attribute] of the view
 */
export function tileNode(image, view, attribute) {
  const marks = [];
  if (image.adjudicated.length > 0) marks.push(element('span', { class: 'mark good', role: 'img', title: 'adjudicated', 'aria-label': 'adjudicated' }, '✓'));
  const flags = count(image.open_flags, 'open flag');
  if (image.open_flags > 0) marks.push(element('span', { class: 'mark bad', role: 'img', title: flags, 'aria-label': flags }, `⚑ ${image.open_flags}`));
  if (attribute && attribute.name in image.filled) marks.push(element('span', { class: 'mark', title: 'filled by the model' }, 'model'));
  if (image.excluded) marks.push(element('span', { class: 'mark', title: exclusionText(image.excluded) }, 'excluded'));
  return element('div', { class: image.excluded ? 'tile excluded' : 'tile', role: 'gridcell', 'aria-selected': 'false', tabindex: -1, 'data-image': image.id },
    element('span', { class: 'tick', 'aria-hidden': 'true' }, '✓'),
    thumbnailNode(image),
    element('a', { class: 'tile-name', title: image.name, href: imageUrl(image.id, view), tabindex: -1 }, image.name),
    element('span', { class: 'tile-about' }, element('span', {}, about(image, attribute)), ...marks));
}
