/** @import { ProjectStorage } from '../lib/storage.js' */

const STEP = 1.15;
const [LEAST, MOST] = [0.4, 3];

/** Brightness and contrast of the image on the screen; the tab remembers them. The frame's `data-tone` says what is changed. */
export class Tone {
  /**
   * @param {ProjectStorage} session
   * @param {HTMLElement} frame
   * @param {HTMLElement[]} layers the image; the boxes of the faces keep their colours
   */
  constructor(session, frame, layers) {
    this.session = session;
    this.frame = frame;
    this.layers = layers;
    /** @type {{brightness: number, contrast: number}} */
    this.factors = session.get('tone') ?? { brightness: 1, contrast: 1 };
    this.apply();
  }

  /**
   * @param {'brightness'|'contrast'} name
   * @param {1|-1} direction
   */
  change(name, direction) {
    const factor = this.factors[name] * STEP ** direction;
    this.factors = { ...this.factors, [name]: Math.abs(factor - 1) < 0.01 ? 1 : Math.min(MOST, Math.max(LEAST, factor)) };
    this.apply();
  }

  reset() {
    this.factors = { brightness: 1, contrast: 1 };
    this.apply();
  }

  apply() {
    const changed = Object.entries(this.factors).filter(([, factor]) => factor !== 1);
    for (const { style } of this.layers) style.filter = changed.map(([name, factor]) => `${name}(${factor})`).join(' ');
    const text = changed.map(([name, factor]) => `${name} ${Math.round(factor * 100)} %`).join(' · ');
    if (text) this.frame.dataset.tone = text;
    else delete this.frame.dataset.tone;
    try {
      this.session.set('tone', this.factors);
    } catch { // a full session store only costs the setting after a reload
      this.session.remove('tone');
    }
  }
}
