import { commandOf as commonCommandOf } from '../lib/keys.js';
/** @import { KeyCommand } from '../lib/keys.js' */

/**
 * Keys of the sweep page, for the overlay; letters and digits are the schema's.
 *
 * @type {[keys: string, meaning: string][]}
 */
export const COMMANDS = [
  ['Enter', 'confirm the page'],
  ['← → ↑ ↓', 'move between faces; Home and End: the first and the last'],
  ['Shift', 'with an arrow or a click: select all faces up to that one'],
  ['Space', 'leave the face out, or include it again (same as a click)'],
  ['0 … 9', 'give the face this value'],
  ['-', "can't tell"],
  ['Shift+Enter', 'skip the page: its faces are left out'],
  ['Backspace', 'undo the last mark, then the pages before'],
  ['PageUp PageDown', 'previous or next value'],
  ['Esc', 'clear a range or a half-typed number'],
  ['?', 'show or hide the keys'],
];

/** @type {Record<string, KeyCommand>} */
const NAMED = {
  Enter: ['commit'], ' ': ['toggle'], Backspace: ['undo'], '-': ['unsure'], '?': ['help'], Escape: ['leave'],
  ArrowLeft: ['move', -1, 0], ArrowRight: ['move', 1, 0], ArrowUp: ['move', 0, -1], ArrowDown: ['move', 0, 1],
  Home: ['move', -Infinity, 0], End: ['move', Infinity, 0], PageUp: ['group', -1], PageDown: ['group', 1],
};

/**
 * The command of a key press, or null for a key that has none.
 *
 * @param {KeyboardEvent} event
 * @returns {?KeyCommand}
 */
export function commandOf(event) {
  if (!event.key || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  /** @type {KeyCommand|undefined} */
  const named = event.key === 'Enter' && event.shiftKey ? ['skip'] : NAMED[event.key];
  if (named) return event.repeat && named[0] !== 'move' ? null : named; // a key held down must not keep page after page
  const found = commonCommandOf(event);
  return found && ['letter', 'digit'].includes(found[0]) ? found : null;
}

/**
 * The code of the value before or after one; the first or the last without one.
 *
 * @param {{code: number}[]} values
 * @param {?number|undefined} current
 * @param {1|-1} by
 */
export function codeAfter(values, current, by) {
  const place = values.findIndex(({ code }) => code === current);
  return values[(place + by + values.length + (place < 0 && by < 0 ? 1 : 0)) % values.length].code;
}
