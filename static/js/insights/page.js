/** The insights page: an overview of labels and rounds, then one card per attribute. */
import { call } from '../lib/api.js';
import { byId, count, element } from '../lib/dom.js';
import { explained } from '../lib/explain/metric.js';
import { formatMetric, interval, numbersOf } from '../lib/interval.js';
import { untilAnswered } from '../lib/retry.js';
import { attributeCard, verdictBadge } from './attribute_card.js';
/** @import { AttributeInsights, Insights, LabelsSaved } from '../types' */
/** @import { Numbers } from '../lib/explain/metric.js' */

const whole = (/** @type {number} */ number) => Math.round(number).toLocaleString('en');

/**
 * @param {string} title
 * @param {string} value
 * @param {string} note
 * @param {string} word that explains it
 * @param {Numbers} [numbers]
 */
function tile(title, value, note, word, numbers = {}) {
  return element('div', { class: 'tile' }, element('dt', {}, title), element('dd', {}, explained(word, numbers, element('b', {}, value)), element('span', { class: 'muted' }, note)));
}

/**
 * Hours as people say them.
 *
 * @param {number} hours
 */
function duration(hours) {
  if (hours < 1) return `${Math.max(1, Math.round(60 * hours))} min`;
  return hours < 20 ? `${hours.toFixed(1)} h` : `${whole(hours)} h`;
}

/** @param {Insights} insights */
function tiles({ pace, rounds, in_use: used, attributes }) {
  const shown = rounds.reduce((sum, round) => sum + round.accepted + round.corrected, 0);
  const taken = rounds.reduce((sum, round) => sum + round.accepted, 0);
  const done = attributes.filter(({ advice }) => advice.verdict === 'stop').length;
  return [
    tile('Attributes that can stop', `${done} of ${attributes.length}`, 'stable, measured, little to gain', 'advice'),
    tile('Pace', pace.per_hour === null ? '–' : `${whole(pace.per_hour)} / h`, pace.per_hour === null ? 'no answers yet' : 'answers per hour, without breaks', 'pace', { minutes: pace.per_hour === null ? null : Math.max(1, Math.round(6000 / pace.per_hour)) }),
    tile('Left', pace.hours_left === null || pace.open_cells === 0 ? whole(pace.open_images) : duration(pace.hours_left), pace.open_images === 0 ? ('noImages' in document.documentElement.dataset ? 'no images yet' : 'every image is done') : `${count(pace.open_cells, 'answer')} on ${count(pace.open_images, 'open image')}${pace.hours_left === null ? '' : ' at this pace'}`, 'time left'),
    tile('Suggestions accepted', shown === 0 ? '–' : `${Math.round((100 * taken) / shown)} %`, shown === 0 ? 'no suggestions shown yet' : `of ${count(shown, 'suggestion')} shown`, 'suggestions accepted', { hundred: shown === 0 ? null : Math.round((100 * taken) / shown) }),
    tile('Model in use', used === null ? '–' : `Round ${used}`, used === null ? 'no round yet' : `of ${count(rounds.length, 'round')}`, 'model in use'),
  ];
}

/** @param {AttributeInsights['gain']} gain */
function gainText(gain) {
  if (gain === null) return '–';
  const points = (100 * gain.value).toFixed(1);
  return explained('gain of the next 100 labels', { points }, `+${points}`);
}

/** @param {number} share */
function changedNode(share) {
  const percent = `${(100 * share).toFixed(1)} %`;
  return explained('predictions changed', { percent }, percent);
}

/**
 * One row per attribute: the metric, the gain of more labels, the advice.
 *
 * @param {AttributeInsights[]} attributes
 */
function overview(attributes) {
  const row = (/** @type {AttributeInsights} */ insights) => {
    const newest = insights.curve.at(-1) ?? { value: null, low: null, high: null, reason: 'no round yet' };
    const guessing = 1 / Math.max(2, insights.classes.length);
    const link = element('a', { href: `#of-${insights.attribute}` }, insights.title);
    return element('tr', { 'data-attribute': insights.attribute }, element('th', { scope: 'row' }, link), element('td', { class: 'number' }, whole(insights.labelled)),
      element('td', {}, interval(newest, { guide: guessing, word: 'balanced accuracy', numbers: { chance: formatMetric(guessing) } })), element('td', { class: 'number' }, gainText(insights.gain)),
      element('td', { class: 'number' }, insights.changed === null ? '–' : changedNode(insights.changed)),
      element('td', { class: 'number' }, insights.agreement?.value == null ? '–' : explained("Krippendorff's alpha", numbersOf(insights.agreement), formatMetric(insights.agreement.value))), element('td', {}, verdictBadge(insights.advice)));
  };
  const heads = [['Attribute'], ['Answers', 'number'], ['Balanced accuracy, audit set', '', 'balanced accuracy'], ['Gain of next 100 labels', 'number', 'gain of the next 100 labels'],
    ['Changed in last round', 'number', 'predictions changed'], ['Agreement', 'number', "Krippendorff's alpha"], ['Advice', '', 'advice']];
  return element('table', {}, element('thead', {}, element('tr', {}, ...heads.map(([text, kind, word]) => element('th', { scope: 'col', class: kind || null }, word ? explained(word, {}, text) : text)))),
    element('tbody', {}, ...attributes.map(row)));
}

/**
 * A list of bars.
 *
 * @param {[name: string, share: number, words: string][]} rows `share` of the longest bar
 */
function bars(rows) {
  return element('ul', { class: 'spread' }, ...rows.map(([name, share, words]) => {
    const filled = element('span', { 'data-split': 'train' });
    filled.style.inlineSize = `${100 * share}%`;
    return element('li', {}, element('span', { class: 'class' }, name), element('span', { class: 'split-bar', 'aria-hidden': 'true' }, filled), element('span', { class: 'number' }, words));
  }));
}

const LAST = 12; // days and rounds that are drawn; the CSV has all

/** @param {Insights} insights */
function showWork({ pace, rounds }) {
  const days = pace.days.slice(-LAST).map(({ day, cells, hours }) => ({ day, cells, rate: hours > 0 ? cells / hours : 0 }));
  const fastest = Math.max(1, ...days.map(({ rate }) => rate));
  byId('days').replaceChildren(days.length === 0 ? element('p', { class: 'muted' }, 'No answers yet.')
    : bars(days.map(({ day, cells, rate }) => [day, rate / fastest, `${whole(rate)} / h, ${count(cells, 'answer')}`])));
  const shown = rounds.filter(({ accepted, corrected }) => accepted + corrected > 0).slice(-LAST);
  byId('taken').replaceChildren(shown.length === 0 ? element('p', { class: 'muted' }, 'No suggestions shown yet. The first round brings them.')
    : bars(shown.map(({ id, accepted, corrected }) => [`Round ${id}`, accepted / (accepted + corrected), `${Math.round((100 * accepted) / (accepted + corrected))} % of ${whole(accepted + corrected)}`])));
}

/**
 * How many labels the query strategy saves, and how that was estimated.
 *
 * @param {?LabelsSaved} saved
 */
function showSaved(saved) {
  const words = saved === null ? 'The estimate appears after a round. It uses the tenth of the queue that is drawn at random.' : saved.text;
  const note = saved === null ? [] : [element('p', { class: 'muted' }, `After round ${saved.round}. Compares a model trained on random images with a model trained on as many selected images; both are tested on other people.`)];
  byId('saved').replaceChildren(element('p', { class: saved?.worth == null ? 'muted' : null }, words), ...note);
}

/** @param {Insights} insights */
function state({ attributes, rounds }) {
  if (attributes.every(({ labelled }) => labelled === 0)) return 'Nothing is labelled yet. Label some images and start a round, then this page shows the results.';
  if (rounds.length === 0) return 'There are labels but no round yet. Start a round on the page Rounds, then this page shows the results.';
  if (rounds.length === 1) return 'One round so far: its metrics are below. The second round shows the effect of more labels.';
  return '';
}

async function show() {
  /** @type {Insights} */
  const insights = await call('GET', 'insights');
  byId('tiles').replaceChildren(...tiles(insights));
  byId('overview').replaceChildren(overview(insights.attributes));
  showWork(insights);
  showSaved(insights.labels_saved);
  byId('attributes').replaceChildren(...insights.attributes.map((attribute) => attributeCard(attribute, insights.in_use)));
  byId('message').textContent = state(insights);
  byId('error').textContent = '';
  byId('content').hidden = false;
  document.documentElement.dataset.state = 'ready';
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

await untilAnswered(show, ({ message }) => { byId('error').textContent = message; });
