/** @import { Draft } from '../draft.js' */

/** A suggestion of at least this probability is probably right: another answer may be a slip. */
const SURE = 0.95;
const SHOWN = 1600; // milliseconds of the tint

/**
 * What to say of an answer that is far from a sure suggestion, or null.
 *
 * @param {Draft} draft
 * @param {string} name
 * @returns {?string}
 */
export function surpriseOf(draft, name) {
  const suggestion = draft.suggestions.get(name);
  const attribute = draft.attribute(name);
  const suggested = draft.replaced(name);
  if (!suggestion || !attribute || suggested === null || suggestion.probability < SURE) return null;
  const value = draft.answers.get(name)?.value ?? null;
  if (draft.answerOf(attribute, suggested) === value) return null;
  const word = typeof value === 'string' ? value : value === null ? "can't tell" : draft.nameOf(name, value) ?? String(value);
  const percent = Math.min(99, Math.round(suggestion.probability * 100));
  return `≠ ${attribute.title}: ${word}. The model was ${percent}\u00a0% sure of ${draft.nameOf(name, suggested) ?? suggested}. Backspace undoes it.`;
}

/**
 * Tint a part of the page for a moment; nothing moves.
 *
 * @param {?Element} node
 */
export function tint(node) {
  if (!node) return;
  node.classList.add('surprise');
  setTimeout(() => node.classList.remove('surprise'), SHOWN);
}
