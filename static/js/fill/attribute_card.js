/** The card of one attribute: what can be filled at the target, its running sample, its certificate, and those that ended. */
import { count, element, labellerName, moment } from '../lib/dom.js';
import { sweepUrl } from '../lib/urls.js';
import { fillChart } from './chart.js';
import { duration, isRunning, percent } from './words.js';
/** @import { Certificate, FillAttribute, FillPlan } from '../types' */

/**
 * @typedef {Object} Shown
 * @property {number} error the target error
 * @property {?number} recall the target recall; null for none
 * @property {number[]} errors the steps of the slider
 * @property {boolean} open whether the list of ended certificates is unfolded
 * @property {Certificate[]} certificates of the attribute, newest first
 * @property {(attribute: string) => void} onstart
 * @property {(id: number) => void} ondecide
 * @property {(id: number) => void} onundo
 */

const STATES = { preparing: 'being prepared', sampling: 'being sampled', filling: 'being filled', filled: 'certified', failed: 'failed', undone: 'undone', lapsed: 'lapsed' };

/** @param {string} state */
const badge = (state) => element('span', { class: 'badge', 'data-state': state }, STATES[/** @type {keyof STATES} */ (state)] ?? state);

/**
 * A button that remembers its place when the card is drawn anew.
 *
 * @param {string} action
 * @param {string} words
 * @param {() => void} onclick
 * @param {string} [kind]
 */
const button = (action, words, onclick, kind) => element('button', { type: 'button', class: kind ?? null, 'data-action': action, onclick }, words);

/**
 * What the certificate asks and what it was expected to bring, beside what it brought.
 *
 * @param {Certificate} certificate
 */
function forecast(certificate) {
  const { forecast: expected, answered, sample, filled, state, error, recall } = certificate;
  if (expected === null) return '';
  const target = `${percent(error)} error${recall === null ? '' : `, ${percent(recall)} recall`}`;
  const rows = [
    ['', 'forecast', isRunning(certificate) ? 'so far' : 'outcome'],
    ['blind answers', expected.answers.toLocaleString('en'), `${answered.toLocaleString('en')} of ${sample.toLocaleString('en')}`],
    ['cells filled', expected.cells.toLocaleString('en'), ['filled', 'filling'].includes(state) ? filled.toLocaleString('en') : '–'],
  ];
  const [head, ...body] = rows;
  return element('table', { class: 'forecast' }, element('caption', {}, `Target: ${target}.${expected.chance === null ? '' : ` Expected chance to pass: ${Math.round(100 * expected.chance)} %.`}`),
    element('thead', {}, element('tr', {}, element('td'), ...head.slice(1).map((words) => element('th', { scope: 'col' }, words)))),
    element('tbody', {}, ...body.map(([name, ...cells]) => element('tr', {}, element('th', { scope: 'row' }, name), ...cells.map((words) => element('td', {}, words))))));
}

/**
 * @param {Certificate} certificate that is running
 * @param {Shown} shown
 */
function running(certificate, { ondecide, onundo }) {
  const { id, title, state, sample, answered, progress, sentence } = certificate;
  const left = sample - answered;
  return element('section', { class: 'running', 'aria-label': `Running certificate of ${title}` },
    element('p', {}, sentence),
    state === 'sampling' ? element('progress', { 'aria-label': 'Blind answers', max: Math.max(1, sample), value: answered }) : '',
    progress === null ? '' : element('progress', { 'aria-label': 'Cells', max: 1, value: progress }),
    element('p', { class: 'actions' },
      state === 'sampling' && left === 0 ? button(`decide-${id}`, 'Decide now', () => ondecide(id), 'primary') : '',
      button(`undo-${id}`, state === 'filling' ? 'Stop and undo' : 'Give up this sample', () => onundo(id))),
    forecast(certificate));
}

/**
 * @param {Certificate} certificate that is filled
 * @param {Shown} shown
 */
function certified(certificate, { onundo }) {
  const { id, title, attribute, sentence } = certificate;
  return element('section', { class: 'certified', 'aria-label': `Certificate of ${title}` },
    element('p', {}, sentence), element('p', {}, element('a', { href: sweepUrl(new URLSearchParams({ attribute })) }, 'Answer its other open cells many at a time in Sweep')),
    element('p', { class: 'actions' }, button(`undo-${id}`, 'Undo: open these cells again', () => onundo(id))), forecast(certificate));
}

/**
 * @param {FillPlan|undefined} plan at the target
 * @param {FillAttribute} attribute
 * @param {Shown} shown
 */
function offer(plan, { attribute }, { onstart }) {
  if (!plan) return element('p', { class: 'muted' }, 'This target was not computed yet.');
  const effort = plan.answers === null ? '' : ` (${count(plan.answers, 'answer')}${plan.seconds === null ? '' : `, about ${duration(plan.seconds)}`})`;
  return element('section', { class: plan.possible ? 'possible' : 'short' }, element('p', {}, plan.sentence), plan.warning ? element('p', { class: 'warning' }, plan.warning) : '',
    plan.possible ? element('p', { class: 'actions' }, button(`start-${attribute}`, `Start the acceptance sample${effort}`, () => onstart(attribute), 'primary')) : '');
}

/**
 * @param {Certificate[]} ended newest first
 * @param {boolean} open
 */
function history(ended, open) {
  if (ended.length === 0) return '';
  return element('details', { class: 'ended-ones', open }, element('summary', {}, `${count(ended.length, 'ended certificate')}`),
    element('ul', { class: 'ended' }, ...ended.map((each) => element('li', {}, badge(each.state), ' ', moment(each.ended_at ?? each.decided_at ?? each.created_at), ` by ${labellerName(each.created_by, 'you')}. `, each.sentence))));
}

/**
 * @param {FillAttribute} attribute
 * @param {Shown} shown
 */
export function attributeCard(attribute, shown) {
  const { certificates, error, recall } = shown;
  const active = certificates.find(isRunning);
  const filled = certificates.find(({ state }) => state === 'filled');
  const ended = certificates.filter((each) => each !== active && each !== filled);
  const plans = attribute.plans.filter((plan) => plan.recall === recall);
  const state = active?.state ?? filled?.state;
  const next = () => offer(plans.find((plan) => plan.error === error), attribute, shown);
  return element('article', { class: 'card fill', id: `of-${attribute.attribute}`, 'data-attribute': attribute.attribute, 'aria-label': attribute.title },
    element('header', {}, element('h2', {}, attribute.title), state ? badge(state) : ''),
    element('div', { class: 'columns' },
      element('div', {}, filled ? certified(filled, shown) : '', active ? running(active, shown) : filled ? element('details', { class: 'again' }, element('summary', {}, 'Try another certificate, which would replace this one'), next()) : next(), history(ended, shown.open)),
      plans.some(({ cells }) => cells > 0) ? chart(plans, attribute, error) : ''));
}

/**
 * @param {FillPlan[]} plans
 * @param {FillAttribute} attribute
 * @param {number} error the target
 */
function chart(plans, { open }, error) {
  return element('figure', {}, element('figcaption', {}, `Cells that can be filled, of ${open.toLocaleString('en')} open ones with a suggestion`), fillChart(plans, open, error));
}
