import { cropToFace } from '../lib/face_crop.js';
import { count, element } from '../lib/dom.js';
import { PersonField } from '../lib/person_field.js';

const SURE = 0.6; // above this distance two faces are rarely of one person

/** A small picture of a face. */
export function thumbnail(face) {
  const frame = element('span', { class: 'thumb' });
  if (!face) return frame;
  const node = element('img', { src: face.image_url, alt: '', loading: 'lazy', draggable: 'false' });
  cropToFace(node, face);
  frame.append(node);
  return frame;
}

/** A person's face, name, number of images and, where it is known, distance. */
export function identityOf({ name, images, face, distance }) {
  const likeness = distance === undefined ? null : `${distance < SURE ? 'alike' : 'unlike'} ${distance.toFixed(2)}`;
  const facts = [count(images, 'image'), likeness].filter(Boolean).join(' · ');
  return [thumbnail(face), element('span', { class: 'who' }, element('b', {}, name), element('span', { class: 'muted' }, facts))];
}

/** Who the faces of a set may be: the nearest people with their digits, and the field for a name. */
export class SuggestionPanel {
  /**
   * @param {HTMLElement} root
   * @param {Object} attribute the schema's attribute with the people known so far
   * @param {{onchoose: (place: number) => void, onname: (name: string) => void}} listeners
   */
  constructor(root, attribute, { onchoose, onname }) {
    Object.assign(this, { root, onchoose, shown: '' });
    this.list = root.querySelector('#nearest');
    this.field = new PersonField(attribute, { onmark: () => {}, onanswer: onname });
    this.field.input.tabIndex = 0;
    this.field.input.placeholder = 'N  a name';
    root.querySelector('#name').append(this.field.node);
  }

  get typing() {
    return document.activeElement === this.field.input;
  }

  /** @param {{people: Object[], proposed: boolean}} set */
  render({ people, proposed }) {
    const shown = JSON.stringify([people, proposed]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.root.querySelector('#nobody').hidden = people.length > 0;
    this.list.replaceChildren(...people.map((person, place) => this.person(person, place, proposed && place === 0)));
  }

  person(person, place, proposed) {
    return element('li', {}, element('button', { type: 'button', class: proposed ? 'person proposed' : 'person', title: person.name,
      onclick: () => this.onchoose(place) }, ...identityOf(person), element('kbd', {}, String(place + 1)), ...(proposed ? [element('kbd', {}, 'Enter')] : [])));
  }
}
