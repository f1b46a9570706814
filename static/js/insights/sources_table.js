/** The table of the rounds that suggest the values of each attribute, with the reasons. */
import { element } from '../lib/dom.js';
import { roundUrl } from '../lib/urls.js';
/** @import { Attribute, Source } from '../types' */

/**
 * @param {Source[]} sources
 * @param {Attribute[]} schema
 */
export function sourcesTable(sources, schema) {
  const rows = sources.map(({ attribute, round, reason }) => element('tr', { 'data-attribute': attribute },
    element('th', { scope: 'row' }, schema.find(({ name }) => name === attribute)?.title ?? attribute),
    element('td', {}, round === null ? 'imported predictions' : element('a', { href: roundUrl(round) }, `Round ${round}`)),
    element('td', {}, reason)));
  const head = element('tr', {}, ...['Attribute', 'Suggestions from', 'Why'].map((text) => element('th', { scope: 'col' }, text)));
  return element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows));
}
