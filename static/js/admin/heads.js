/** Whether heads are cut out of an upload's photos: recommended after a look at them, decided by the reader. */
import { byId, fieldOf } from '../lib/dom.js';
/** @import { Import } from '../types' */
/** @import { MappingForm } from './mapping.js' */

/** The choice in the form. It follows the recommendation until the reader makes it. */
export class HeadChoice {
  /**
   * @param {HTMLFormElement} form
   * @param {MappingForm} mapping
   */
  constructor(form, mapping) {
    this.field = fieldOf(form, 'faces');
    this.mapping = mapping;
    this.number = 0;
    this.recommended = false;
    this.isChosen = false;
    this.field.addEventListener('change', () => { this.isChosen = true; });
    form.addEventListener('mapped', () => this.recommend());
  }

  /**
   * Begin with what an import was asked for before.
   *
   * @param {Import} row
   */
  load(row) {
    this.isChosen = row.faces || (this.isChosen && row.id === this.number);
    this.number = row.id;
    this.field.checked = row.faces;
    const heads = row.report?.heads;
    this.recommended = Boolean(heads?.recommended);
    byId('heads').textContent = heads && heads.recommended ? `${heads.text}. Cut out heads? It is recommended.` : '';
    this.recommend();
  }

  /** Labels of folders belong to whole photos, so that nothing is recommended where folders answer an attribute. */
  recommend() {
    byId('heads').hidden = !this.recommended || this.mapping.answers;
    if (!this.isChosen) this.field.checked = this.recommended && !this.mapping.answers;
  }
}
