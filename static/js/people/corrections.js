/** Correcting names on the list of people: choose faces of a person, and the names that were given last. */
import { call } from '../lib/api.js';
import { byId, count, element, findAll, moment } from '../lib/dom.js';
import { imageUrl } from '../lib/urls.js';
import { thumbnail } from './suggestions.js';
/** @import { Naming, PersonDetail } from '../types' */

/**
 * The faces of a person, each with a box to choose it for a split.
 *
 * @param {PersonDetail} person
 */
export function pickable(person) {
  byId('split').hidden = true; // in a new gallery no face is chosen
  return person.faces.map((face) => {
    const box = element('input', { type: 'checkbox', 'data-needs': 'reviewer', value: face.image_id, 'aria-label': `Choose ${face.image_name}`, onchange: showPicked });
    const link = element('a', { href: imageUrl(face.image_id), title: face.image_name, 'aria-label': face.image_name }, thumbnail(face));
    return element('span', { class: 'pick' }, link, box);
  });
}

/** The ids of the images whose faces are chosen. */
export function chosenImages() {
  return findAll(byId('gallery'), 'input:checked').map((box) => Number(box.getAttribute('value')));
}

function showPicked() {
  const images = chosenImages();
  byId('split').hidden = images.length === 0;
  byId('picked').textContent = `${count(images.length, 'chosen face')}: who is it?`;
}

/**
 * @param {Naming} naming
 * @param {(submission: string) => void} onundo
 */
function line({ submission, created_at, name, images, undone }, onundo) {
  const text = [moment(created_at), ` ${name ?? 'nobody named'}, ${count(images, 'face')} `];
  const undo = element('button', { type: 'button', onclick: () => onundo(submission) }, 'Undo from here on');
  return element('li', { 'data-undone': String(undone) }, ...text, undone ? '(undone)' : undo);
}

/**
 * List the sets that this labeller confirmed last.
 *
 * @param {(submission: string) => void} onundo called with the first set of a run that is undone
 */
export async function showNamings(onundo) {
  /** @type {{namings: Naming[]}} */
  const { namings } = await call('GET', 'people/namings');
  byId('namings').hidden = namings.length === 0;
  byId('naming-list').replaceChildren(...namings.map((naming) => line(naming, onundo)));
}
