/** How the cells and flags of an image look, on its own page and in review. */
import { count, element, labellerName, moment } from '../lib/dom.js';
import { explained } from '../lib/explain/metric.js';
/** @import { Annotation, Answer, Attribute, Cell, Code, Flag } from '../types' */

/** @type {Record<string, string>} */
const ORIGINS = { human: 'by hand', suggestion: 'accepted suggestion', review: 'adjudicated', import: 'imported', aggregate: 'aggregated', merge: 'people merged', schema: 'value merged', reopened: 'value split: asked again', opinion: 'extra opinion', cleared: 'cleared', undo: 'undone' };
const NO_ANSWER = new Set(['undo', 'reopened', 'cleared']);

/**
 * A probability for people: whole percent, never "100 %" or "0 %".
 *
 * @param {number} probability
 */
function percent(probability) {
  if (probability < 0.01) return 'under 1\u00a0%';
  return `${Math.min(99, Math.round(probability * 100))}\u00a0%`;
}

/**
 * A probability that explains itself.
 *
 * @param {number} probability
 */
function probabilityNode(probability) {
  return explained('probability', { percent: percent(probability), hundred: Math.round(100 * probability) }, percent(probability));
}

/**
 * What somebody answered, in words.
 *
 * @param {{code: Code, name: ?string}} answer
 */
export function answerText({ code, name }) {
  return code === null ? "can't tell" : name ?? String(code);
}

/**
 * Who annotated, how and when.
 *
 * @param {Annotation} annotation
 */
function by({ labeller, origin, created_at: when }) {
  const who = labeller === origin ? [] : [labellerName(labeller)]; // what an import brings in has the labeller "import"
  return element('span', { class: 'by' }, `${[...who, ORIGINS[origin] ?? origin].join(', ')}, `, moment(when));
}

/** @param {NonNullable<Cell['filled']>} filled */
function filledBy({ probability, certificate }) {
  return element('span', { class: 'by' }, 'the model, ', probabilityNode(probability), `, certificate ${certificate}`);
}

/** @param {Annotation} annotation */
function historyLine(annotation) {
  const { origin, undone } = annotation;
  const words = NO_ANSWER.has(origin) ? '' : answerText(annotation);
  return element('li', { 'data-origin': origin, 'data-undone': String(undone) },
    words && element('b', {}, words), ' ', by(annotation), undone ? element('span', { class: 'mark' }, 'undone') : '');
}

/**
 * Who gave the label; opened, every annotation of the cell, newest first.
 *
 * @param {Cell} cell
 */
function history(cell) {
  const lines = [...cell.history].reverse().map(historyLine);
  if (cell.filled) lines.unshift(element('li', { 'data-origin': 'model' }, element('b', {}, answerText(cell.filled)), ' ', filledBy(cell.filled)));
  if (cell.filled && lines.length === 1) return filledBy(cell.filled);
  if (lines.length === 0) return element('span', { class: 'by' }, 'not labelled');
  const summary = element('summary', {}, cell.label ? by(cell.label) : element('span', { class: 'by' }, 'not labelled'),
    element('span', { class: 'link' }, count(lines.length, 'answer')));
  return element('details', { class: 'history' }, summary, element('ol', {}, ...lines));
}

/**
 * The opinions side by side: the label, the answers of others, what the model thinks.
 *
 * @param {Cell} cell
 */
function voices(cell) {
  const others = cell.history.filter(({ undone, origin, id }) => !undone && !NO_ANSWER.has(origin) && id !== cell.label?.id);
  const voice = (/** @type {string} */ kind, /** @type {string} */ words, /** @type {Node} */ who) => element('li', { class: 'voice', 'data-kind': kind }, element('b', {}, words), who);
  const list = [];
  if (cell.label) list.push(voice('label', answerText(cell.label), by(cell.label)));
  for (const other of others) list.push(voice(other.code === cell.label?.code ? 'agrees' : 'differs', answerText(other), by(other)));
  if (cell.filled) list.push(voice('model', answerText(cell.filled), filledBy(cell.filled)));
  else if (cell.suggestion && !cell.suspicion) list.push(voice('model', answerText(cell.suggestion), element('span', { class: 'by' }, 'the model, ', probabilityNode(cell.suggestion.probability))));
  if (cell.suspicion) {
    const { code, name, probability, label_probability: held } = cell.suspicion;
    const label = cell.label ? answerText(cell.label) : '';
    list.push(voice('model', name ?? String(code), element('span', { class: 'by' }, probabilityNode(probability), ` from a model that was not trained on this person; ${label}: `, probabilityNode(held))));
  }
  return element('ul', { class: 'voices' }, ...list);
}

/** @param {Cell} cell */
function marks(cell) {
  const mark = (/** @type {boolean} */ shown, /** @type {'good'|'warning'} */ kind, /** @type {string} */ text) => (
    shown ? [element('span', { class: `mark ${kind}` }, text)] : []);
  return [
    ...mark(cell.label?.origin === 'review', 'good', '✓ adjudicated'),
    ...mark(cell.filled !== null, 'good', 'filled by the model'),
    ...mark(cell.differing, 'warning', 'opinions differ'),
    ...mark(cell.undecided, 'warning', 'no clear answer'),
    ...mark(cell.contradicted, 'warning', cell.suspicion ? 'probably wrong' : 'model disagrees'),
  ];
}

/**
 * The values that can be chosen: those of the schema; of an open attribute the people who were named for this cell.
 *
 * @param {Attribute} attribute
 * @param {Cell} cell
 * @returns {{code: number, name: string}[]}
 */
export function choices(attribute, cell) {
  if (attribute.kind !== 'open') return attribute.values;
  /** @type {Map<number, {code: number, name: string}>} */
  const named = new Map();
  for (const { code, name } of cell.history) if (code !== null) named.set(code, { code, name: name ?? String(code) });
  return [...named.values()];
}

/**
 * One cell: its values as buttons, who answered what, its history.
 *
 * @param {Attribute} attribute
 * @param {Cell} cell
 * @param {{onanswer: (name: string, value: Answer) => void, wide?: boolean, keys?: boolean}} options `wide` shows all opinions side
 *   by side; `keys`: people have their codes beside their names, because digits choose them
 */
export function cellNode(attribute, cell, { onanswer, wide = false, keys = true }) {
  const button = (/** @type {{code: Code, name: string}} */ { code, name }) => {
    const suggestion = cell.suggestion?.code === code ? cell.suggestion : null;
    const pressed = cell.label !== null && cell.label.code === code;
    const filled = cell.filled !== null && cell.filled.code === code;
    const odds = suggestion && !wide && element('span', { class: 'odds' }, percent(suggestion.probability));
    return element('button', { type: 'button', class: suggestion || filled ? 'value suggested' : 'value', 'data-code': code ?? '-', 'aria-pressed': String(pressed),
      onclick: () => onanswer(attribute.name, code) }, keys || attribute.kind !== 'open' ? element('kbd', {}, code === null ? '-' : String(code)) : '', name, odds || '');
  };
  const values = element('div', { class: 'values' }, ...choices(attribute, cell).map(button), button({ code: null, name: "can't tell" }));
  if (attribute.kind === 'open') values.append(personForm(attribute, onanswer));
  return element('section', { class: 'cell', 'data-attribute': attribute.name, 'aria-label': attribute.title },
    element('header', {}, element('h2', {}, attribute.title), ...marks(cell), history(cell)), values, wide ? voices(cell) : '');
}

/**
 * @param {Attribute} attribute
 * @param {(name: string, value: string) => void} onanswer
 */
function personForm(attribute, onanswer) {
  const field = element('input', { class: 'person', 'aria-label': attribute.title, placeholder: 'Another name', maxlength: 200, autocomplete: 'off' });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (field.value.trim()) onanswer(attribute.name, field.value.trim());
  };
  return element('form', { class: 'person-form', onsubmit: submit }, field, element('button', {}, 'Save'));
}

/**
 * The flags of an image.
 *
 * @param {Flag[]} flags
 * @param {(id: number) => void} onresolve called with the flag to resolve
 */
export function flagNodes(flags, onresolve) {
  return flags.map((flag) => element('div', { class: 'flag', 'data-flag': flag.id, 'data-open': String(flag.resolved_at === null) },
    element('p', { class: 'note' }, flag.note),
    element('p', { class: 'by' }, `flagged by ${labellerName(flag.labeller, 'you')}, `, moment(flag.created_at),
      flag.resolved_at === null ? '' : ` · resolved by ${labellerName(flag.resolved_by ?? '', 'you')}`),
    flag.resolved_at === null ? element('button', { type: 'button', 'data-needs': 'reviewer', onclick: () => onresolve(flag.id) }, 'Resolve') : ''));
}
