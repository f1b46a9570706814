import { asApiError, call } from './api.js';
import { untilAnswered } from './retry.js';
/** @import { ProjectStorage } from './storage.js' */
/** @import { Answer, Attribute } from '../types' */

const KEPT = 'schema';

/**
 * Load the schema's attributes. The request is repeated until the server answers, because a page shows nothing without them.
 *
 * @param {HTMLElement} note where a failed request is reported
 * @param {?ProjectStorage} [store] keeps them for a page that is opened without a network; once the server answers again and has
 *   others, the page is loaded anew
 * @returns {Promise<Attribute[]>}
 */
export async function loadSchema(note, store = null) {
  const report = (/** @type {Error} */ { message }) => { note.textContent = `${message} Trying again …`; };
  /** @type {?Attribute[]} */
  const kept = store?.get(KEPT) ?? null;
  if (kept === null) return keep(store, (await untilAnswered(() => call('GET', 'schema'), report, { wait: 1000 })).attributes);
  try {
    return keep(store, (await call('GET', 'schema')).attributes);
  } catch (error) {
    asApiError(error);
  }
  untilAnswered(() => call('GET', 'schema')).then(({ attributes }) => {
    if (JSON.stringify(attributes) === JSON.stringify(kept)) return;
    keep(store, attributes);
    location.reload();
  });
  return kept;
}

/**
 * @param {?ProjectStorage} store
 * @param {Attribute[]} attributes
 */
function keep(store, attributes) {
  try {
    store?.set(KEPT, attributes);
  } catch { // no room: only a page that is opened without a network needs it
    store?.remove(KEPT);
  }
  return attributes;
}

/**
 * Answers for reading, in the order of the schema: `[['Glasses', 'none'], …]`.
 *
 * @param {Attribute[]} schema
 * @param {Record<string, Answer>} values
 * @returns {[title: string, value: string][]}
 */
export function answersInWords(schema, values) {
  return schema.filter(({ name }) => name in values).map((attribute) => {
    const value = values[attribute.name];
    const named = attribute.values.find(({ code }) => code === value)?.name;
    return [attribute.title, value === null ? "can't tell" : named ?? String(value)];
  });
}

/**
 * A group's key for reading: the person's name where the group is a person of the schema.
 *
 * @param {Attribute[]} schema it does not name the people of an attribute that has too many to list
 * @param {string} key
 * @param {string} ofPhoto what a group is called that is a photo's, with its cuts and near-duplicates
 */
export function groupName(schema, key, ofPhoto) {
  const [name, code] = key.split(':');
  const attribute = schema.find((one) => one.name === name && one.kind === 'open');
  if (attribute) return attribute.values.find((value) => String(value.code) === code)?.name ?? key;
  return name === 'image' || name === 'photo' ? ofPhoto : key;
}
