/**
 * Keys that mean the same everywhere; none is a letter or a digit, so that no schema can collide with them.
 *
 * @type {[keys: string, meaning: string][]}
 */
export const COMMANDS = [
  ['Enter', 'accept all remaining suggestions and continue'],
  ['Space', 'skip this image; with Shift, give a reason'],
  ['Shift+Enter', 'skip, on every page'],
  ['Backspace', 'undo the last key on this image, then the images before it; with Shift, redo'],
  ['Delete', 'exclude this image, with a reason: it counts nowhere until it is restored'],
  ['-', "can't tell, for the selected attribute"],
  ['↑ ↓', 'select the attribute above or below'],
  ['← →', 'move through the values of the selected attribute; Enter chooses one'],
  [',', 'show the images of this session, to correct one'],
  ['.', 'show the guideline of the selected attribute; with Shift and a letter, of that attribute'],
  ['Y', 'show why the value of the selected attribute is suggested (unless Y is the letter of an attribute)'],
  ['!', 'flag this image with a note for a reviewer'],
  ['PgUp PgDn', 'zoom in or out (also + and the mouse wheel); Home: whole image; Shift and arrows: move'],
  ['/', 'start with the head or the whole image, for every image'],
  ['< >', 'darker or brighter'],
  ['; :', 'less or more contrast; * resets brightness and contrast'],
  ['End', 'show or hide the boxes around several faces'],
  ['?', 'show or hide the keys'],
  ['Esc', 'leave a text field or dialog; clear a half-typed number'],
];

/** @typedef {[command: string, ...values: any[]]} KeyCommand a command and its arguments: a letter, a digit, how far to go */

/** @type {Record<string, KeyCommand>} */
const NAMED = {
  Enter: ['accept'], ' ': ['skip'], Backspace: ['undo'], '-': ['unsure'], '?': ['help'], '/': ['head'], Escape: ['leave'],
  ',': ['session'], '.': ['guideline'], '!': ['flag'], Delete: ['exclude'],
  '<': ['brightness', -1], '>': ['brightness', 1], ';': ['contrast', -1], ':': ['contrast', 1], '*': ['tone'], End: ['faces'],
  PageUp: ['zoom', 1], '+': ['zoom', 1], '=': ['zoom', 1], PageDown: ['zoom', -1], Home: ['zoom', 0],
  ArrowUp: ['step', -1], ArrowDown: ['step', 1], ArrowLeft: ['value', -1], ArrowRight: ['value', 1],
};
/** @type {Record<string, KeyCommand>} */
const SHIFTED = {
  Enter: ['skip'], ' ': ['reason'], Backspace: ['redo'],
  ArrowUp: ['pan', [0, 1]], ArrowDown: ['pan', [0, -1]], ArrowLeft: ['pan', [1, 0]], ArrowRight: ['pan', [-1, 0]],
};
const REPEATS = new Set(['step', 'value', 'zoom', 'pan', 'brightness', 'contrast']);

/**
 * The command of a key press, or null for a key that has none.
 *
 * On keyboards whose letters or upper row give other characters (Cyrillic, AZERTY) the place of the key counts.
 *
 * @param {KeyboardEvent} event
 * @returns {?KeyCommand}
 */
export function commandOf(event) {
  if (!event.key || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  const named = (event.shiftKey && SHIFTED[event.key]) || NAMED[event.key];
  // A key held down must not answer image after image.
  if (event.repeat && !(named && REPEATS.has(named[0]))) return null;
  if (named) return named;
  if (/^[0-9]$/.test(event.key)) return ['digit', event.key];
  if (/^[a-z]$/i.test(event.key)) return [event.shiftKey ? 'guideline' : 'letter', event.key.toLowerCase()];
  const place = /^(Key|Digit)(.)$/.exec(event.key.length > 1 ? '' : event.code);
  if (!place || (event.shiftKey && place[1] === 'Digit')) return null;
  if (place[1] === 'Digit') return ['digit', place[2]];
  return [event.shiftKey ? 'guideline' : 'letter', place[2].toLowerCase()];
}

/**
 * How far a typed number has come: `{code}` when it can only be this one, `{more: true}` when digits may follow
 * (`code` is then what Enter takes, or null), and null when no value begins like this.
 *
 * @param {string} digits
 * @param {{code: number}[]} values
 * @returns {?({code: number, more: false}|{code: ?number, more: true})}
 */
export function typedCode(digits, values) {
  const codes = values.map((value) => String(value.code));
  const more = codes.some((code) => code !== digits && code.startsWith(digits));
  const code = codes.includes(digits) ? Number(digits) : null;
  if (more) return { code, more };
  return code === null ? null : { code, more };
}
