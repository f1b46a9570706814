/** How the cells and flags of an image look, on its own page and in review. */
import { count, element, moment } from '../lib/dom.js';

const ORIGINS = { human: 'by hand', suggestion: 'accepted suggestion', review: 'adjudicated', import: 'imported', aggregate: 'aggregated', merge: 'people merged', schema: 'value merged', reopened: 'value split: asked again', opinion: 'extra opinion', undo: 'took it back' };
const NO_ANSWER = new Set(['undo', 'reopened']);

/** A probability for people: whole percent, never "100 %" or "0 %". */
function percent(probability) {
  if (probability < 0.01) return 'under 1\u00a0%';
  return `${Math.min(99, Math.round(probability * 100))}\u00a0%`;
}

/** What somebody answered, in words. */
export function answerText({ code, name }) {
  return code === null ? "can't tell" : name ?? String(code);
}

/** Who said something, how and when. */
function by(said) {
  return element('span', { class: 'by' }, `${said.labeller}, ${ORIGINS[said.origin] ?? said.origin}, `, moment(said.created_at));
}

function historyLine(said) {
  const words = NO_ANSWER.has(said.origin) ? '' : answerText(said);
  return element('li', { 'data-origin': said.origin, 'data-undone': String(said.undone) },
    words && element('b', {}, words), ' ', by(said), said.undone ? element('span', { class: 'mark' }, 'undone') : '');
}

/** Who gave the label; opened, every annotation of the cell, the newest first. */
function history(cell) {
  const lines = [...cell.history].reverse().map(historyLine);
  if (lines.length === 0) return element('span', { class: 'by' }, 'not labelled');
  const summary = element('summary', {}, cell.label ? by(cell.label) : element('span', { class: 'by' }, 'not labelled'),
    element('span', { class: 'link' }, count(lines.length, 'answer')));
  return element('details', { class: 'history' }, summary, element('ol', {}, ...lines));
}

/** The opinions side by side: what counts, what others said, what the model thinks. */
function voices(cell) {
  const others = cell.history.filter((said) => !said.undone && !NO_ANSWER.has(said.origin) && said.id !== cell.label?.id);
  const voice = (kind, words, who) => element('li', { class: 'voice', 'data-kind': kind }, element('b', {}, words), who);
  const list = [];
  if (cell.label) list.push(voice('label', answerText(cell.label), by(cell.label)));
  for (const said of others) list.push(voice(said.code === cell.label?.code ? 'agrees' : 'differs', answerText(said), by(said)));
  if (cell.suggestion && !cell.suspicion) list.push(voice('model', answerText(cell.suggestion), element('span', { class: 'by' }, `the model, ${percent(cell.suggestion.probability)}`)));
  if (cell.suspicion) {
    const { code, name, probability, label_probability: held } = cell.suspicion;
    list.push(voice('model', name ?? String(code), element('span', { class: 'by' }, `${percent(probability)} by a model that has not seen this person; ${answerText(cell.label)} ${percent(held)}`)));
  }
  return element('ul', { class: 'voices' }, ...list);
}

function marks(cell) {
  return [
    cell.label?.origin === 'review' && element('span', { class: 'mark good' }, '✓ adjudicated'),
    cell.differing && element('span', { class: 'mark doubt' }, 'opinions differ'),
    cell.undecided && element('span', { class: 'mark doubt' }, 'no clear answer'),
    cell.contradicted && element('span', { class: 'mark doubt' }, cell.suspicion ? 'probably wrong' : 'the model contradicts'),
  ].filter(Boolean);
}

/** The values that can be chosen: those of the schema; of an open attribute the people who were named for this cell. */
export function choices(attribute, cell) {
  if (attribute.kind !== 'open') return attribute.values;
  const named = new Map(cell.history.filter(({ code }) => code !== null).map(({ code, name }) => [code, { code, name }]));
  return [...named.values()];
}

/**
 * One cell: its values as buttons, who said what, its history.
 *
 * @param {Object} attribute of the schema
 * @param {Object} cell of the API's image
 * @param {{onanswer: (name: string, value: *) => void, wide: boolean}} options `wide` shows all opinions side by side
 */
export function cellNode(attribute, cell, { onanswer, wide = false }) {
  const button = ({ code, name }) => {
    const suggested = cell.suggestion !== null && cell.suggestion.code === code;
    const pressed = cell.label !== null && cell.label.code === code;
    const odds = suggested && !wide && element('span', { class: 'odds' }, percent(cell.suggestion.probability));
    return element('button', { type: 'button', class: suggested ? 'value suggested' : 'value', 'data-code': code ?? '-', 'aria-pressed': String(pressed),
      onclick: () => onanswer(attribute.name, code) }, element('kbd', {}, code === null ? '-' : String(code)), name, odds || '');
  };
  const values = element('div', { class: 'values' }, ...choices(attribute, cell).map(button), button({ code: null, name: "can't tell" }));
  if (attribute.kind === 'open') values.append(personForm(attribute, onanswer));
  return element('section', { class: 'cell', 'data-attribute': attribute.name, 'aria-label': attribute.title },
    element('header', {}, element('h2', {}, attribute.title), ...marks(cell), history(cell)), values, wide ? voices(cell) : '');
}

function personForm(attribute, onanswer) {
  const field = element('input', { class: 'person', 'aria-label': attribute.title, placeholder: 'another name', maxlength: 200, autocomplete: 'off' });
  const submit = (event) => {
    event.preventDefault();
    if (field.value.trim()) onanswer(attribute.name, field.value.trim());
  };
  return element('form', { class: 'person-form', onsubmit: submit }, field, element('button', {}, 'Save'));
}

/** The flags of an image; `onresolve` is called with the number of the one to resolve. */
export function flagNodes(flags, onresolve) {
  return flags.map((flag) => element('div', { class: 'flag', 'data-flag': flag.id, 'data-open': String(flag.resolved_at === null) },
    element('p', { class: 'note' }, flag.note),
    element('p', { class: 'by' }, `flagged by ${flag.labeller}, `, moment(flag.created_at),
      flag.resolved_at === null ? '' : ` · resolved by ${flag.resolved_by}`),
    flag.resolved_at === null ? element('button', { type: 'button', onclick: () => onresolve(flag.id) }, 'Resolve') : ''));
}
