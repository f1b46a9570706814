/** Why a value is suggested: the model's probabilities, where in the image its answer comes from, and similar labelled faces. */
import { asApiError, call } from '../api.js';
import { element, find } from '../dom.js';
import { explained } from './metric.js';
import { imageUrl } from '../urls.js';
/** @import { Attribute, Reasons, SimilarImage, Task } from '../../types' */

const KEY = 'y';
const AGAIN = 300; // milliseconds until the trainer is asked again whether it has found out
/** @type {Record<string, string>} */
const VIEWS = { head: 'the head', face: 'the face', whole: 'the whole image' };

/**
 * The command of a key press: `why` for its letter, unless the schema gives the letter to an attribute.
 *
 * @param {string} command
 * @param {string} argument
 * @param {Attribute[]} schema
 */
export function withWhy(command, argument, schema) {
  return command === 'letter' && argument === KEY && hasWhyKey(schema) ? 'why' : command;
}

/** @param {Attribute[]} schema */
export const hasWhyKey = (schema) => !schema.some(({ key }) => key?.toLowerCase() === KEY);

const percent = (/** @type {number} */ share) => (share < 0.01 ? 'under 1\u00a0%' : `${Math.min(99, Math.round(100 * share))}\u00a0%`);

/**
 * @param {Reasons} reasons
 * @returns {HTMLElement}
 */
function sentence({ name, probability, others, round }) {
  const source = round === null ? 'The imported predictions say' : `The model of round ${round} says`;
  const rest = others.slice(0, 2).map(([other, share]) => `${other} ${percent(share)}`).join(', ');
  return element('p', {}, `${source} `, element('b', {}, name), ' with ', explained('probability', { percent: percent(probability), hundred: Math.min(99, Math.round(100 * probability)) }, percent(probability)),
    rest ? `; then ${rest}.` : '.');
}

/**
 * @param {Reasons} reasons
 */
function pictures({ name, pictures: views, pictures_missing: missing }) {
  const entries = Object.entries(views);
  const shown = entries.map(([view, picture]) => element('figure', {}, element('img', { src: picture, alt: `${VIEWS[view] ?? view} with a heat map`, width: 224, height: 224 }),
    element('figcaption', {}, VIEWS[view] ?? view)));
  return element('section', { class: 'why-pictures' }, element('h3', {}, 'Where the answer comes from'),
    element('p', { class: 'muted' }, entries.length > 0 ? `Warm colours: what speaks for “${name}” (Grad-CAM). They show where the model looks, not whether it is right.` : missing),
    element('div', { class: 'why-row' }, ...shown));
}

/** @param {SimilarImage} face */
function similarFace({ id, name, image_url: image, thumbnail_url: thumbnail, label, similarity }) {
  return element('li', {}, element('a', { href: imageUrl(id), target: '_blank' }, element('img', { src: thumbnail ?? image, alt: name, width: 128, height: 128 }),
    element('b', {}, label), element('span', { class: 'muted' }, `similarity ${similarity.toFixed(2).replace(/^(-?)0\./, '$1.').replace('-', '−')}`)));
}

/** @param {Reasons} reasons */
function similar({ similar: faces, similar_missing: missing }) {
  return element('section', {}, element('h3', {}, 'Similar labelled faces'),
    element('p', { class: 'muted' }, faces.length > 0 ? 'The labelled faces that look most similar to the model, with the labels that it learned.' : missing),
    element('ul', { class: 'why-row' }, ...faces.map(similarFace)));
}

export class WhyDialog {
  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    this.root = find(dialog, '.why');
    this.asked = 0; // counts the questions: an answer that is late belongs to none that is still shown
    find(dialog, '[data-close]').addEventListener('click', () => dialog.close());
    // The event may come when the dialog is open again for the next question.
    dialog.addEventListener('close', () => { if (!dialog.open) this.asked += 1; });
  }

  /**
   * Say why the value of an attribute is suggested, or close the dialog.
   *
   * @param {Task} [task]
   * @param {Attribute} [attribute]
   */
  toggle(task, attribute) {
    if (this.dialog.open) this.dialog.close();
    else if (task && attribute) this.show(task, attribute);
  }

  /**
   * @param {Task} task
   * @param {Attribute} attribute
   */
  async show(task, attribute) {
    find(this.dialog, 'h2').textContent = `Why this suggestion? ${attribute.title}`;
    this.dialog.dataset.state = 'asking';
    this.root.replaceChildren(element('p', { class: 'muted' }, 'Looking …'));
    this.dialog.showModal();
    this.asked += 1;
    const { asked } = this;
    try {
      let reasons = await this.ask(task, attribute);
      while (!reasons.ready && asked === this.asked) {
        this.root.replaceChildren(sentence(reasons), element('p', { class: 'muted' }, 'The trainer is looking at the image …'));
        await new Promise((resolve) => { setTimeout(resolve, AGAIN); });
        if (asked === this.asked) reasons = await this.ask(task, attribute);
      }
      if (asked === this.asked) this.finish(sentence(reasons), pictures(reasons), similar(reasons));
    } catch (error) {
      if (asked === this.asked) this.finish(element('p', {}, asApiError(error).message));
    }
  }

  /**
   * @param {Task} task
   * @param {Attribute} attribute
   * @returns {Promise<Reasons>}
   */
  ask(task, attribute) {
    return call('GET', `images/${task.image_id}/reasons/${encodeURIComponent(attribute.name)}`);
  }

  /** @param {...Node} content */
  finish(...content) {
    this.root.replaceChildren(...content);
    this.dialog.dataset.state = 'answered';
  }
}
