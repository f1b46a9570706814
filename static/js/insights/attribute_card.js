/** The card of one attribute on the insights page. */
import { count, element } from '../lib/dom.js';
import { explain, explained } from '../lib/explain/metric.js';
import { formatMetric, numbersOf } from '../lib/interval.js';
import { answersUrl, numbersUrl, ownUrl } from '../lib/urls.js';
import { edgesOf, learningCurve, reliability } from './charts.js';
/** @import { Advice, AttributeInsights, Split } from '../types' */
/** @import { MeasuredPoint } from './charts.js' */

/** @type {Split[]} */
const SPLITS = ['train', 'val', 'test'];
const RARE = 0.05; // the share of an attribute's answers from which on a value is worth a search
const VERDICTS = { start: 'no data yet', 'go on': 'keep labelling', stop: 'can stop' };

/** @param {Advice} advice */
export const verdictBadge = ({ verdict }) => element('span', { class: 'badge', 'data-verdict': verdict }, VERDICTS[verdict]);

/**
 * A chart with its caption, which explains itself, and a link to its numbers.
 *
 * @param {string} kind its class
 * @param {string} caption
 * @param {string} name of the CSV file
 * @param {string} attribute
 * @param {...Node} body
 */
function panel(kind, caption, name, attribute, ...body) {
  const numbers = element('a', { href: numbersUrl(name, attribute), download: `${attribute}-${name}.csv`, 'aria-label': `${caption}: numbers as CSV` }, 'CSV');
  return element('figure', { class: `panel ${kind}` }, element('figcaption', {}, element('h3', {}, explained(caption === 'Values' ? 'imbalance' : caption.toLowerCase(), {}, caption)), numbers), ...body);
}

/**
 * The images behind a number, in Browse; null for labellers.
 *
 * @param {string} attribute
 * @param {Record<string, string|number>} filters
 */
const imagesUrl = (attribute, filters) => answersUrl(new URLSearchParams({ attribute, excluded: 'without', ...Object.fromEntries(Object.entries(filters).map(([name, value]) => [name, String(value)])) }));

/** @param {string} words */
const nothing = (words) => element('p', { class: 'muted nothing' }, words);

/**
 * @param {AttributeInsights} insights
 * @param {?number} used
 */
function curvePanel({ attribute, curve, classes }, used) {
  /** @type {MeasuredPoint[]} */
  const measured = curve.flatMap((point) => (point.value === null ? [] : [{ ...point, value: point.value }]));
  const newest = measured.at(-1);
  if (!newest) {
    return panel('wide', 'Learning curve', 'curves', attribute, nothing(curve.length === 0 ? 'No round has trained on this attribute yet.' : `No measurement yet: ${curve.at(-1)?.reason}.`));
  }
  const { images, groups } = newest;
  return panel('wide', 'Learning curve', 'curves', attribute, learningCurve(measured, classes.length, used),
    element('p', { class: 'muted' }, explained('balanced accuracy', { ...numbersOf(newest), chance: formatMetric(1 / Math.max(2, classes.length)), images: count(images, 'audit image'), groups: count(groups, 'group') }, `Balanced accuracy on ${count(images, 'audit image')} of ${count(groups, 'group')}`), `${measured.length === 1 ? '; a curve needs a second round' : ''}.`));
}

/** @param {AttributeInsights} insights */
function calibrationPanel({ attribute, calibration }) {
  if (calibration === null) return panel('', 'Calibration', 'calibration', attribute, nothing('No model has predicted a labelled audit image yet.'));
  const { error, null_high: high, honest } = calibration;
  const words = honest ? `Error ${formatMetric(error, 3)}; chance alone gives up to ${formatMetric(high, 3)}.` : `Error ${formatMetric(error, 3)}, above the ${formatMetric(high, 3)} that chance gives: the probabilities are not reliable.`;
  const addressOf = (/** @type {number} */ confidence) => {
    const [from, below] = edgesOf(confidence);
    return imagesUrl(attribute, { value: 'labelled', split: 'test', sure_from: from, ...(below < 1 ? { sure_below: below } : {}) });
  };
  const links = calibration.bins.map(({ images, confidence, right }) => element('li', {}, element('a', { href: addressOf(confidence), 'data-images': images },
    `${count(images, 'image')} at ${Math.round(100 * confidence)} %: ${Math.round(100 * right)} % correct`)));
  return panel('', 'Calibration', 'calibration', attribute, reliability(calibration, addressOf),
    element('p', { class: honest ? 'muted' : 'warning' }, explained('calibration', { value: formatMetric(error, 3), points: Math.round(100 * error), high: formatMetric(high, 3) }, words)),
    element('details', { class: 'bins' }, element('summary', {}, 'Images by probability'), element('ul', {}, ...links)));
}

/**
 * The confusion matrix: a row per true value, a column per predicted value. The shade is the proportion of the row.
 *
 * @param {AttributeInsights} insights
 */
function confusionPanel({ attribute, title, classes, confusion, source }) {
  const caption = 'Confusion matrix';
  if (confusion === null) return panel('', caption, 'confusion', attribute, nothing('The table needs a round and labelled audit images.'));
  const sums = confusion.map((row) => row.reduce((sum, images) => sum + images, 0));
  const places = classes.map((_, place) => place).filter((place) => sums[place] > 0 || confusion.some((row) => row[place] > 0));
  const cell = (/** @type {number} */ row, /** @type {number} */ column) => {
    const images = confusion[row][column];
    const words = `${classes[row].name}, predicted ${classes[column].name}: ${count(images, 'image')}`;
    const numbers = { count: images, true: classes[row].name, predicted: classes[column].name, hundred: Math.round((100 * images) / sums[row]) };
    const href = imagesUrl(attribute, { value: classes[row].code, split: 'test', predicted: classes[column].code, balanced: 'true' });
    const node = element('td', { class: row === column ? 'right' : null }, images === 0 ? '·' : explain(element('a', { href, 'aria-label': words }, String(images)), 'confusion matrix', numbers));
    node.style.setProperty('--share', `${Math.round(sums[row] ? (100 * images) / sums[row] : 0)}%`);
    return node;
  };
  const heads = places.map((place) => element('th', { scope: 'col', title: classes[place].name }, String(classes[place].code)));
  const rows = places.map((row) => element('tr', {}, element('th', { scope: 'row' }, `${classes[row].code} ${classes[row].name}`), ...places.map((column) => cell(row, column))));
  return panel('', caption, 'confusion', attribute, element('div', { class: 'table', tabindex: 0, role: 'region', 'aria-label': `${title}: true and predicted values` }, element('table', { class: 'confusion' },
    element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'true ↓ predicted →'), ...heads)), element('tbody', {}, ...rows))),
  element('p', { class: 'muted' }, `Audit images, round ${source}. Predictions assume equally frequent values.`));
}

/** @param {AttributeInsights} insights */
function distributionPanel({ attribute, values, unsure, labelled, imbalance }) {
  const most = Math.max(1, ...values.map((value) => value.train + value.val + value.test));
  const row = (/** @type {AttributeInsights['values'][0]} */ value) => {
    const total = value.train + value.val + value.test;
    // The parts are a shortcut for the mouse; the keyboard and fingers have the link of the name.
    const bar = element('span', { class: 'split-bar', 'aria-hidden': 'true' }, ...SPLITS.map((split) => {
      const href = imagesUrl(attribute, { value: value.code, split });
      const part = element('span', { 'data-split': split, onclick: () => href && location.assign(href) });
      part.style.inlineSize = `${(100 * value[split]) / most}%`;
      return part;
    }));
    const find = total <= RARE * labelled && element('a', { class: 'find', href: ownUrl(`/sweep?${new URLSearchParams({ attribute, value: String(value.code), order: 'find' })}`), 'aria-label': `Find more images of ${value.name}` }, 'find more');
    return element('li', { title: SPLITS.map((split) => `${split} ${value[split]}`).join(', ') }, element('span', { class: 'class' }, element('a', { href: imagesUrl(attribute, { value: value.code }) }, value.name), ...(find ? [' ', find] : [])), bar,
      element('span', { class: 'number' }, total.toLocaleString('en')));
  };
  const notes = [count(labelled, 'answer'), unsure > 0 && `${unsure.toLocaleString('en')} can't tell`, imbalance !== null && `1 : ${imbalance >= 10 ? Math.round(imbalance) : imbalance.toFixed(1)} from rarest to most frequent`];
  return panel('', 'Values', 'distributions', attribute, element('ul', { class: 'spread' }, ...values.map(row)),
    element('p', { class: 'muted legend' }, ...SPLITS.map((split) => element('span', {}, element('span', { class: 'swatch', 'data-split': split, 'aria-hidden': 'true' }), split))),
    element('p', { class: 'muted' }, `${notes.filter(Boolean).join(', ')}.`));
}

/** @param {AttributeInsights} insights */
function checks({ advice, agreement, ceiling }) {
  const mark = (/** @type {?boolean} */ met) => (met === null ? ['·', 'unknown'] : met ? ['✓', 'met'] : ['✗', 'not met']);
  const items = advice.checks.map(({ name, met, text }) => element('li', { 'data-check': name, 'data-met': String(met) },
    element('span', { class: 'mark', 'aria-label': mark(met)[1], role: 'img' }, mark(met)[0]), text));
  if (agreement !== null && agreement.value !== null) {
    const between = agreement.low === null || agreement.high === null ? '' : ` (95 %: ${formatMetric(agreement.low)} to ${formatMetric(agreement.high)})`;
    items.push(element('li', {}, element('span', { class: 'mark' }, ''), explained("Krippendorff's alpha", numbersOf(agreement), `Labellers agree with alpha ${formatMetric(agreement.value)}${between} on ${count(agreement.images, 'image')}.`)));
  }
  if (ceiling !== null) items.push(element('li', { 'data-check': 'ceiling' }, element('span', { class: 'mark' }, ''), ceiling.text));
  return element('ul', { class: 'checks' }, ...items);
}

/**
 * @param {AttributeInsights} insights
 * @param {?number} used the round in use
 */
export function attributeCard(insights, used) {
  return element('article', { class: 'card insight', id: `of-${insights.attribute}`, 'data-attribute': insights.attribute, 'aria-label': insights.title },
    element('header', {}, element('h2', {}, insights.title), verdictBadge(insights.advice), element('p', {}, insights.advice.text)),
    checks(insights),
    element('div', { class: 'panels' }, curvePanel(insights, used), distributionPanel(insights), calibrationPanel(insights), confusionPanel(insights)));
}
