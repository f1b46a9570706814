/** What an upload's labels mean: its columns and values on the left, ours on the right, and five images with their labels. */
import { call } from '../lib/api.js';
import { byId, element, fieldOf, find, messageOf } from '../lib/dom.js';
import { columnCard, labelList, updateColumn } from './mapping_fields.js';
/** @import { Attribute, Mapping, MappingChange } from '../types' */

const KINDS = {
  none: '',
  table: 'Columns and values that are not matched are ignored.',
  names: 'Names that are not matched are ignored.',
  folders: 'If the folders are named after values, choose the attribute that their names answer.',
};

/**
 * The number of images that a video makes.
 *
 * @param {{frames: number, seconds: number}} video its frames, and the time of the last one
 * @param {number} fps frames to take per second
 */
export const imagesOf = ({ frames, seconds }, fps) => Math.min(frames, Math.floor(seconds * fps + 1e-6) + 1);

/**
 * Let the reader save a text as a file.
 *
 * @param {string} name
 * @param {string} text
 */
export function saveText(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: 'application/toml' }));
  element('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** The part of the form that asks for the mapping. The text of the mapping is its state, which the server rewrites. */
export class MappingForm {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.text = fieldOf(form, 'mapping');
    this.fps = fieldOf(form, 'fps');
    this.image = fieldOf(form, 'image');
    this.number = 0;
    /** @type {?string} */
    this.counted = null;
    /** @type {?Mapping} */
    this.view = null;
    /** @type {Attribute[]} */
    this.schema = [];
    this.queue = Promise.resolve();
    this.text.addEventListener('change', () => this.change({}));
    this.image.addEventListener('change', () => this.change({ image: this.image.value }));
    this.fps.addEventListener('input', () => this.showFrames());
    byId('save-mapping').addEventListener('click', () => saveText('map.toml', this.text.value));
  }

  /**
   * Ask the server what the labels of an import mean, and show it.
   *
   * @param {number} number
   * @param {?string} counted the mapping with which the report was made, if there is one
   */
  async load(number, counted) {
    this.number = number;
    this.counted = counted;
    /** @type {[Mapping, {attributes: Attribute[]}]} */
    const [view, { attributes }] = await Promise.all([call('GET', `imports/${number}/mapping`), call('GET', 'schema')]);
    if (number !== this.number) return;
    this.schema = attributes;
    this.show(view, true);
  }

  /** Whether a column or a label answers an attribute. */
  get answers() {
    return [...this.view?.columns ?? [], ...this.view?.labels ?? []].some(({ attribute }) => attribute !== '');
  }

  /** Wait until the text says all that was chosen. */
  settled() {
    return this.queue;
  }

  /**
   * Send a choice; choices are sent one after the other.
   *
   * @param {MappingChange} choice
   */
  change(choice) {
    this.queue = this.queue.then(async () => {
      try {
        const view = await call('POST', `imports/${this.number}/mapping/preview`, { text: this.text.value, ...choice });
        this.show(view, choice.column === undefined && choice.label === undefined);
      } catch (error) {
        byId('mapping-error').textContent = messageOf(error);
      }
    });
  }

  /**
   * @param {Mapping} view
   * @param {boolean} anew whether every field is made again; otherwise the focused one stays
   */
  show(view, anew) {
    this.view = view;
    byId('mapping-error').textContent = '';
    byId('choices').hidden = view.columns.length === 0 && view.labels.length === 0;
    byId('choices-note').textContent = KINDS[view.kind];
    this.text.value = view.text;
    byId('stale').hidden = this.counted === null || this.counted === view.text;
    byId('crop-faces').hidden = view.kind === 'table';
    if (anew) this.build(view);
    else for (const column of view.columns) updateColumn(find(byId('columns'), `[data-column="${CSS.escape(column.name)}"]`), column, this);
    this.showMore(view);
    this.showExamples(view);
    this.showFrames();
    this.form.dispatchEvent(new Event('mapped'));
  }

  /** @param {Mapping} view */
  build(view) {
    byId('image-column').hidden = view.kind !== 'table';
    this.image.replaceChildren(...view.headers.map((header) => element('option', { value: header, selected: header === view.image }, header)));
    byId('columns').replaceChildren(...view.columns.map((column) => columnCard(column, this)), ...labelList(view.labels, this));
  }

  /** @param {Mapping} view */
  showMore(view) {
    const more = [[view.more_columns, 'columns'], [view.more_labels, 'labels']].filter(([number]) => number);
    byId('more').textContent = more.length > 0
      ? `${more.map(([number, what]) => `${number.toLocaleString('en')} more ${what}`).join(' and ')} are not listed. They are read by their names, or as the mapping below says.` : '';
  }

  /** @param {Mapping} view */
  showExamples({ examples, kind }) {
    const title = (/** @type {string} */ name) => this.schema.find((attribute) => attribute.name === name)?.title ?? name;
    byId('examples').replaceChildren(...examples.map(({ image, image_url, labels }) => element('li', {},
      element('img', { src: image_url, alt: '', width: 96, height: 96 }),
      element('div', {}, element('p', { class: 'name' }, image), element('dl', {}, ...Object.entries(labels).map(([name, value]) =>
        element('div', {}, element('dt', {}, title(name)), element('dd', {}, value)))),
      ...(Object.keys(labels).length > 0 ? [] : [element('p', { class: 'muted' }, 'no label')])))));
    byId('no-examples').hidden = examples.length > 0 || kind === 'none';
  }

  showFrames() {
    const video = this.view?.video;
    byId('frames').hidden = !video;
    const fps = this.fps.valueAsNumber;
    const number = video && fps > 0 ? imagesOf(video, fps) : 0;
    byId('frames-made').textContent = number ? `makes about ${number.toLocaleString('en')} ${number === 1 ? 'image' : 'images'}` : '';
  }
}
