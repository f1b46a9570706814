/** The card of one round: its progress, or its metrics and what it changed. */
import { call } from '../lib/api.js';
import { count, element, messageOf, moment } from '../lib/dom.js';
import { roundUrl } from '../lib/urls.js';
import { changesTable } from './round_changes.js';
import { metricsTable } from './round_metrics.js';
/** @import { Attribute, Round, RoundChanges } from '../types' */

/**
 * `changes`: what the API says of them, if it was asked already; `open`: whether they are shown at once; `sole`: whether the queue
 * and all suggestions use this round.
 *
 * @typedef {{schema: Attribute[], chosen: boolean, open: boolean, changes: ?RoundChanges, sole: boolean, onpromote: (id: number) => void,
 *   oncancel: (id: number) => void}} CardOptions
 */

const STAGES = ['snapshot', 'features', 'train', 'evaluate', 'predict', 'load'];

/** Whether the worker is at it or will be. */
export const isActive = (/** @type {Round} */ round) => round.state === 'queued' || round.state === 'running';

/**
 * The six stages, each with its own bar.
 *
 * @param {Round} round
 */
function stages(round) {
  const current = STAGES.indexOf(round.stage);
  return element('ol', { class: 'stages' }, ...STAGES.map((stage, place) => {
    const state = place < current ? 'past' : place === current ? 'now' : 'ahead';
    const bar = element('progress', { max: 1, 'aria-label': `${stage} progress`, value: state === 'past' ? 1 : 0 });
    if (state === 'now' && round.total > 0) bar.value = Math.min(1, round.done / round.total);
    if (state === 'now' && !round.total && round.state === 'running') bar.removeAttribute('value');
    return element('li', { 'data-state': state, 'aria-current': state === 'now' && 'step' }, stage, bar);
  }));
}

/**
 * What a round is doing in one sentence.
 *
 * @param {Round} round
 */
function doing({ state, message, done, total, attempts }) {
  const parts = [state === 'queued' ? 'waiting for the worker' : message];
  if (total > 1) parts.push(`${done.toLocaleString('en')} of ${total.toLocaleString('en')}`);
  if (attempts > 1) parts.push(`attempt ${attempts}`);
  return parts.filter(Boolean).join(' · ');
}

/**
 * A part that is closed until somebody opens it.
 *
 * @param {string} title
 * @param {boolean} open
 * @param {() => Promise<Node[]>|Node} fill makes its content when it is first opened
 */
function folded(title, open, fill) {
  const content = element('div', { class: 'folded' });
  const node = element('details', { open }, element('summary', {}, title), content);
  const make = async () => {
    if (content.hasChildNodes()) return;
    content.append(element('p', { class: 'muted' }, 'Loading …'));
    try {
      content.replaceChildren(...[await fill()].flat());
    } catch (error) {
      content.replaceChildren(element('p', { class: 'muted' }, messageOf(error)));
    }
  };
  node.addEventListener('toggle', () => node.open && make());
  if (open) make(); // at once, not with the event: what is known already is there before the first picture
  return node;
}

/**
 * @param {Round} round
 * @param {CardOptions} options
 */
function finished(round, { schema, changes, open, sole, onpromote }) {
  const promote = element('button', { type: 'button', onclick: () => onpromote(round.id) }, 'Use this round for all');
  const parts = [
    round.features_reason ? element('p', {}, round.features_reason) : '',
    folded('What changed', open, async () => changesTable(changes ?? await call('GET', `rounds/${round.id}/changes`), schema)),
    folded('Metrics at the time of the round', false, () => metricsTable(round.metrics ?? {}, schema)),
  ];
  if (round.pruned_at !== null) return [...parts, element('p', { class: 'muted pruned' }, 'Pruned: its model and most of its predictions are deleted; its curve stays.')];
  return [...parts, sole ? '' : element('p', { class: 'actions', 'data-needs': 'reviewer' }, promote, element('span', { class: 'muted' }, 'The queue and the suggestions then use its predictions until the next round is loaded.'))];
}

/**
 * @param {Round} round
 * @param {CardOptions} options
 */
function body(round, options) {
  if (isActive(round)) {
    const cancel = element('button', { type: 'button', disabled: round.stage === 'load', onclick: () => options.oncancel(round.id) }, 'Cancel this round');
    return [stages(round), element('p', { class: 'muted' }, doing(round)), element('p', { class: 'actions' }, cancel)];
  }
  if (round.state === 'cancelled') return [element('p', { class: 'muted' }, 'The round was cancelled. Nothing of it is kept but the features that it computed.')];
  if (round.state === 'failed') return [stages(round), element('p', { class: 'error' }, round.error ?? 'The round failed without a message.')];
  return finished(round, options);
}

/**
 * @param {Round} round
 * @param {CardOptions} options
 */
export function roundCard(round, options) {
  const header = element('header', {},
    element('h2', {}, element('a', { href: roundUrl(round.id) }, `Round ${round.id}`)),
    element('span', { class: 'badge', 'data-state': round.state }, round.state),
    round.in_use ? element('span', { class: 'badge in-use' }, 'orders the queue') : '',
    round.suggests.length > 0 ? element('span', { class: 'badge' }, `suggests ${round.suggests.map((name) => options.schema.find((attribute) => attribute.name === name)?.title ?? name).join(', ')}`) : '',
    element('span', {}, `${round.engine}, ${round.strategy}${round.automatic ? ', automatic' : ''}`),
    element('span', { class: 'muted' }, `${count(round.labelled ?? 0, 'labelled image')} · `, moment(round.finished_at ?? round.started_at ?? round.created_at)));
  return element('article', { class: 'card round', 'data-round': round.id, 'data-state': round.state,
    'aria-current': options.chosen && 'true', 'aria-label': `Round ${round.id}` }, header, ...body(round, options));
}
