import { cropToFace, thumbnailNode } from '../lib/face_crop.js';
import { count, element, find } from '../lib/dom.js';
import { formatMetric } from '../lib/interval.js';
import { PersonField } from '../lib/person_field.js';
/** @import { Attribute, Face, Person, ResemblingPerson } from '../types' */

/**
 * A small picture of a face.
 *
 * @param {?Face} face
 */
export function thumbnail(face) {
  const frame = element('span', { class: 'thumb' });
  if (!face) return frame;
  const node = thumbnailNode(face);
  cropToFace(node, face);
  frame.append(node);
  return frame;
}

/**
 * A person's face, name, number of images and, of a person who resembles another one, how similar they are.
 *
 * @param {Person & Partial<ResemblingPerson>} person
 */
export function identityOf({ name, images, face, distance }) {
  const similarity = distance === undefined ? null : `similarity\u00a0${formatMetric(Math.max(0, 1 - distance))}`;
  const facts = [count(images, 'image'), similarity].filter(Boolean).join(' · ');
  return [thumbnail(face), element('span', { class: 'who' }, element('b', {}, name), element('span', { class: 'muted' }, facts))];
}

/** Who the faces of a set may be: the nearest people with their digits, and the field for a name. */
export class SuggestionPanel {
  /**
   * @param {HTMLElement} root
   * @param {Pick<Attribute, 'name'|'title'|'values'>} attribute the schema's attribute with the people known so far
   * @param {{onchoose: (place: number) => void, onname: (name: string) => void}} listeners
   */
  constructor(root, attribute, { onchoose, onname }) {
    this.root = root;
    this.onchoose = onchoose;
    this.shown = '';
    this.list = find(root, '#nearest');
    this.field = new PersonField(attribute, { onmark: () => {}, onanswer: onname });
    this.field.input.tabIndex = 0;
    this.field.input.placeholder = 'N  Name';
    find(root, '#name').append(this.field.node);
  }

  get typing() {
    return document.activeElement === this.field.input;
  }

  /** @param {{people: ResemblingPerson[], proposed: boolean}} set */
  render({ people, proposed }) {
    const shown = JSON.stringify([people, proposed]);
    if (shown === this.shown) return;
    this.shown = shown;
    find(this.root, '#nobody').hidden = people.length > 0;
    this.list.replaceChildren(...people.map((person, place) => this.person(person, place, proposed && place === 0)));
  }

  /**
   * @param {ResemblingPerson} person
   * @param {number} place
   * @param {boolean} proposed
   */
  person(person, place, proposed) {
    return element('li', {}, element('button', { type: 'button', class: proposed ? 'person proposed' : 'person', title: person.name,
      onclick: () => this.onchoose(place) }, ...identityOf(person), element('kbd', {}, String(place + 1)), ...(proposed ? [element('kbd', {}, 'Enter')] : [])));
  }
}
