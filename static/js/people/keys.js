import { commandOf as commonCommandOf } from '../lib/keys.js';
/** @import { KeyCommand } from '../lib/keys.js' */

/**
 * Keys of the people page, for the overlay.
 *
 * @type {[keys: string, meaning: string][]}
 */
export const COMMANDS = [
  ['Enter', 'confirm the suggested person; without a suggestion, type a name'],
  ['1 … 5', 'choose the person with this number'],
  ['N', 'type a name; Enter alone adds a new person with a number as the name'],
  ['← → ↑ ↓', 'move between faces; Home and End: the first and the last'],
  ['Shift', 'with an arrow or a click: select all faces up to that one'],
  ['Space', 'another person: leave the face out, or include it again (same as a click)'],
  ['0', 'this face is an unknown person'],
  ['-', "can't tell who this face is"],
  ['S Shift+Enter', 'skip the set'],
  ['U Backspace', 'undo the last mark, then the sets before'],
  ['Esc', 'leave the name field, clear a range'],
  ['?', 'show or hide the keys'],
];

/** @type {Record<string, KeyCommand>} */
const NAMED = {
  Enter: ['accept'], ' ': ['toggle'], Backspace: ['undo'], '-': ['unsure'], '?': ['help'], Escape: ['leave'],
  ArrowLeft: ['move', -1, 0], ArrowRight: ['move', 1, 0], ArrowUp: ['move', 0, -1], ArrowDown: ['move', 0, 1],
  Home: ['move', -Infinity, 0], End: ['move', Infinity, 0],
};
/** @type {Record<string, KeyCommand>} */
const LETTERS = { n: ['name'], s: ['skip'], u: ['undo'] };

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
  if (named) return event.repeat && named[0] !== 'move' ? null : named; // a key held down must not confirm set after set
  const [kind, what] = commonCommandOf(event) ?? [];
  if (kind === 'letter') return LETTERS[what] ?? null;
  return kind === 'digit' ? ['digit', Number(what)] : null;
}
