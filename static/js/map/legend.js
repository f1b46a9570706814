/** The legend: what each colour and shape means. The style sheet has the colours; the picture takes them from the legend. */
import { element } from '../lib/dom.js';
/** @import { Attribute } from '../types' */

export const HIDDEN = 255;
export const NOTHING = 254;
export const UNSURE = 253;
const MOST_UNCERTAIN = 200; // the byte of an uncertainty of 1
const STEPS = 5; // colours of the scale of uncertainty
const COLOURS = 8;
export const SHAPES = ['disc', 'square', 'diamond', 'up', 'down', 'plus'];

/** How one byte is drawn. @typedef {{colour: number, shape: number}} Look `colour`: as the picture stores it, 0 for hidden */

/**
 * @param {string} colour as the style sheet calls it
 * @param {number} shape
 */
const swatch = (colour, shape) => element('span', { class: 'swatch', 'data-colour': colour, 'data-shape': SHAPES[shape], 'aria-hidden': 'true' });

/**
 * The entries of a legend.
 *
 * @param {string} by label, prediction or uncertainty
 * @param {Attribute|undefined} attribute
 * @param {Uint8Array} bytes
 * @param {(value: ?number) => void} onchoose called with the byte of the only value to be shown in full colour
 */
export function legendNodes(by, attribute, bytes, onchoose) {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] += 1;
  if (by === 'uncertainty') return scaleNodes(counts);
  const entries = (attribute?.values ?? []).map(({ name }, value) => ({ value, name, colour: String(value % COLOURS), shape: value % SHAPES.length }));
  const others = [{ value: UNSURE, name: "can't tell", colour: 'unsure', shape: 0 }, { value: NOTHING, name: by === 'label' ? 'not labelled' : 'no answer', colour: 'none', shape: 0 }];
  return [...entries, ...others.filter(({ value }) => counts[value] > 0)].map(({ value, name, colour, shape }) => element('li', {},
    element('button', { type: 'button', 'aria-pressed': 'false', 'data-value': value, onclick: (/** @type {Event} */ event) => press(event, onchoose) },
      swatch(colour, shape), element('span', { class: 'name' }, name), element('small', {}, counts[value].toLocaleString('en')))));
}

/**
 * @param {Event} event
 * @param {(value: ?number) => void} onchoose
 */
function press(event, onchoose) {
  const button = /** @type {HTMLElement} */ (event.currentTarget);
  const pressed = button.getAttribute('aria-pressed') !== 'true';
  for (const other of button.closest('ul')?.querySelectorAll('button') ?? []) other.setAttribute('aria-pressed', String(pressed && other === button));
  onchoose(pressed ? Number(button.dataset.value) : null);
}

/** @param {Uint32Array} counts */
function scaleNodes(counts) {
  const words = ['certain', '', 'in between', '', 'uncertain'];
  const steps = words.map((word, step) => element('li', { class: 'step' }, swatch(`u${step}`, 0), element('span', { class: 'name' }, word)));
  const missing = counts[NOTHING] === 0 ? [] : [element('li', { class: 'step' }, swatch('none', 0), element('span', { class: 'name' }, 'no answer'), element('small', {}, counts[NOTHING].toLocaleString('en')))];
  return [...steps, ...missing];
}

/**
 * How each byte is drawn, by the colours that the legend has on the screen now.
 *
 * @param {Element} legend
 * @param {string} by
 * @returns {Look[]}
 */
export function looksOf(legend, by) {
  /** @type {Map<string, [number, number, number]>} */
  const colours = new Map();
  for (const node of legend.querySelectorAll('[data-colour]')) {
    const [red, green, blue] = (getComputedStyle(node).color.match(/[\d.]+/g) ?? ['128', '128', '128']).map(Number);
    colours.set(/** @type {HTMLElement} */ (node).dataset.colour ?? '', [red, green, blue]);
  }
  const packed = (/** @type {string} */ name) => pack(colours.get(name) ?? [128, 128, 128]);
  return Array.from({ length: 256 }, (_, byte) => {
    if (byte === HIDDEN) return { colour: 0, shape: 0 };
    if (byte === NOTHING) return { colour: packed('none'), shape: 0 };
    if (byte === UNSURE) return { colour: packed('unsure'), shape: 0 };
    if (by !== 'uncertainty') return { colour: packed(String(byte % COLOURS)), shape: byte % SHAPES.length };
    return { colour: onScale(Math.min(1, byte / MOST_UNCERTAIN), colours), shape: 0 };
  });
}

/**
 * @param {number} share from 0 to 1
 * @param {Map<string, [number, number, number]>} colours
 */
function onScale(share, colours) {
  const place = Math.min(STEPS - 2, Math.floor(share * (STEPS - 1)));
  const [low, high] = [colours.get(`u${place}`) ?? [0, 0, 0], colours.get(`u${place + 1}`) ?? [0, 0, 0]];
  const part = share * (STEPS - 1) - place;
  return pack([0, 1, 2].map((channel) => low[channel] + part * (high[channel] - low[channel])));
}

/**
 * A colour as a canvas stores it: alpha, blue, green, red from the highest byte.
 *
 * @param {number[]} channels
 */
export function pack([red, green, blue]) {
  return ((255 << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
}
