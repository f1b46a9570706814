/** The two tables of the team page: labellers, and agreement per attribute. */
import { element, labellerName } from '../lib/dom.js';
import { explained } from '../lib/explain/metric.js';
import { interval } from '../lib/interval.js';
/** @import { Agreeing, Anchoring, AttributeAgreement, LabellerMetrics, Member, Proportion } from '../types' */

/** @typedef {[text: string, kind?: string, word?: string]} Heading `kind`: the class of its column; `word`: that of docs/words.md which explains it */

const RELIABLE = 0.667; // Krippendorff's least alpha for tentative conclusions

const whole = (/** @type {number} */ number) => Math.round(number).toLocaleString('en');
const number = (/** @type {string} */ text) => element('td', { class: 'number' }, text);
const head = (/** @type {Heading[]} */ ...titles) => element('thead', {}, element('tr', {}, ...titles.map(([text, kind, word]) => element('th', { scope: 'col', class: kind || null }, word ? explained(word, {}, text) : text))));

/**
 * @param {Heading[]} titles
 * @param {Node[]} rows
 */
function table(titles, rows) {
  return element('table', {}, head(...titles), element('tbody', {}, ...rows));
}

/**
 * A share, or a dash where nothing was counted.
 *
 * @param {?Proportion} proportion
 * @param {string} word that explains it
 */
function share(proportion, word) {
  return proportion ? interval(proportion, { of: `${whole(proportion.count)}/${whole(proportion.of)}`, word, numbers: { count: whole(proportion.count), of: whole(proportion.of) } }) : '–';
}

/** @param {LabellerMetrics} metrics */
function suggestions({ accepted, corrected }) {
  const shown = accepted + corrected;
  if (shown === 0) return '–';
  const hundred = Math.round((100 * accepted) / shown);
  return explained('suggestions accepted', { hundred }, `${hundred} % of ${whole(shown)}`);
}

/** @param {Member} account */
function member({ name, role, me, active, has_password: account, figures: metrics }) {
  const shown = labellerName(name);
  const note = [account && role, me && shown === name && 'you', !active && 'disabled'].filter(Boolean).join(', ');
  return element('tr', { 'data-member': name, 'data-active': String(active) },
    element('th', { scope: 'row' }, shown, note && element('small', {}, note)),
    number(whole(metrics.images)), number(whole(metrics.answers)),
    number(metrics.seconds === null ? '–' : `${metrics.seconds.toFixed(1)} s`), number(metrics.per_hour === null ? '–' : whole(metrics.per_hour)),
    element('td', {}, share(metrics.gold, 'correct on gold')), element('td', {}, share(metrics.others, 'agrees with others')), element('td', {}, suggestions(metrics)));
}

/** @param {Member[]} members */
export function membersTable(members) {
  return table([['Name'], ['Images', 'number'], ['Answers', 'number'], ['Median time', 'number', 'median time'], ['Per hour', 'number', 'answers per hour'],
    ['Correct on gold', '', 'correct on gold'], ['Agrees with others', '', 'agrees with others'], ['Suggestions accepted', '', 'suggestions accepted']], members.map(member));
}

/** @param {AttributeAgreement['cohen']} cohen */
function pairs(cohen) {
  if (cohen.length === 0) return '–';
  const lines = cohen.map(({ first, second, kappa }) => element('li', {}, element('span', {}, `${labellerName(first)} – ${labellerName(second)}`), interval(kappa, { of: `${whole(kappa.images)} images`, word: "Cohen's kappa" })));
  return element('details', { class: 'pairs' }, element('summary', {}, cohen.length === 1 ? '1 pair' : `${cohen.length} pairs`), element('ul', {}, ...lines));
}

/**
 * @param {AttributeAgreement[]} attributes
 * @param {Map<string, string>} titles by attribute name
 */
export function agreementTable(attributes, titles) {
  const rows = attributes.map(({ attribute, images, percent, alpha, fleiss, cohen }) => element('tr', { 'data-attribute': attribute },
    element('th', { scope: 'row' }, titles.get(attribute) ?? attribute), number(whole(images)),
    element('td', {}, interval(percent, { word: 'same answer' })), element('td', {}, interval(alpha, { guide: RELIABLE, word: "Krippendorff's alpha" })),
    element('td', {}, interval(fleiss, { word: "Fleiss' kappa" })), element('td', {}, pairs(cohen))));
  return table([['Attribute'], ['Images', 'number'], ['Same answer', '', 'same answer'], ['Krippendorff’s alpha', '', "Krippendorff's alpha"], ['Fleiss’ kappa', '', "Fleiss' kappa"], ['Cohen’s kappa', '', "Cohen's kappa"]], rows);
}

/** @param {Agreeing} agreeing */
const equalShare = ({ equal, answers }) => (answers === 0 ? '–' : `${Math.round((100 * equal) / answers)} % of ${whole(answers)}`);

const points = (/** @type {number} */ part) => `${part < 0 ? '−' : '+'}${Math.abs(100 * part).toFixed(1)}`;

/** @param {Anchoring} anchoring */
function difference({ difference: more, low, high, text }) {
  if (more === null || low === null || high === null) return element('span', { class: 'muted', title: text }, 'too few to say');
  return explained('anchoring', { hundred: more > 0 ? Math.round(100 * more) : null, low: points(low), high: points(high) },
    element('span', {}, element('b', {}, points(more)), ` points (${points(low)} to ${points(high)})`));
}

/**
 * How far people follow suggestions: in sum, by attribute, by labeller.
 *
 * @param {Anchoring[]} all
 * @param {Map<string, string>} titles by attribute name
 */
export function anchoringTable(all, titles) {
  const rows = all.map((one) => element('tr', { 'data-anchoring': one.attribute ?? one.labeller ?? '' },
    element('th', { scope: 'row' }, one.attribute !== null ? titles.get(one.attribute) ?? one.attribute : one.labeller !== null ? labellerName(one.labeller) : 'All answers'),
    number(equalShare(one.shown)), number(equalShare(one.withheld)), element('td', {}, difference(one))));
  return table([['Same as the model'], ['In sight', 'number'], ['Withheld', 'number'], ['Difference', '', 'anchoring']], rows);
}
