/** Keys that mean the same everywhere; none is a letter or a digit, so that no schema can collide with them. */
export const COMMANDS = [
  ['Enter', 'accept every suggestion that is left, go on'],
  ['Space', 'put this image aside'],
  ['Backspace', 'take back: the last key on this image, then image after image'],
  ['-', "can't tell, for the marked attribute"],
  ['↑ ↓', 'mark the attribute above or below'],
  ['← →', 'go through the values of the marked attribute; Enter takes one'],
  ['?', 'show or hide the keys'],
  ['Esc', 'leave a text field, clear a number half typed'],
];

const NAMED = {
  Enter: ['accept'], ' ': ['skip'], Backspace: ['undo'], '-': ['unsure'], '?': ['help'], Escape: ['leave'],
  ArrowUp: ['step', -1], ArrowDown: ['step', 1], ArrowLeft: ['value', -1], ArrowRight: ['value', 1],
};

/**
 * What a key press means: `[command, argument]`, or null for a key that is not ours.
 *
 * On keyboards whose letters or upper row give other characters (Cyrillic, AZERTY) the place of the key counts.
 *
 * @param {KeyboardEvent} event
 */
export function meaning(event) {
  if (!event.key || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  const named = NAMED[event.key];
  // A key held down must not answer image after image; only the arrows may repeat.
  if (event.repeat && !event.key.startsWith('Arrow')) return null;
  if (named) return named;
  if (/^[0-9]$/.test(event.key)) return ['digit', event.key];
  if (/^[a-z]$/i.test(event.key)) return ['letter', event.key.toLowerCase()];
  const place = /^(Key|Digit)(.)$/.exec(event.shiftKey || event.key.length > 1 ? '' : event.code);
  if (!place) return null;
  return place[1] === 'Key' ? ['letter', place[2].toLowerCase()] : ['digit', place[2]];
}

/**
 * How far a typed number has come: `{code}` when it can only be this one, `{more: true}` when digits may follow
 * (`code` is then what Enter takes, or null), and null when no value begins like this.
 */
export function typedCode(digits, values) {
  const codes = values.map((value) => String(value.code));
  const more = codes.some((code) => code !== digits && code.startsWith(digits));
  const code = codes.includes(digits) ? Number(digits) : null;
  return more || code !== null ? { code, more } : null;
}
