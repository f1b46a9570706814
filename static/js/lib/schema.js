import { call } from './api.js';
import { untilAnswered } from './retry.js';
/** @import { Answer, Attribute } from '../types' */

/**
 * Load the schema's attributes. The request is repeated until the server answers, because a page shows nothing without them.
 *
 * @param {HTMLElement} note where a failed request is reported
 * @returns {Promise<Attribute[]>}
 */
export async function loadSchema(note) {
  const report = (/** @type {Error} */ { message }) => { note.textContent = `${message} Trying again …`; };
  const { attributes } = await untilAnswered(() => call('GET', 'schema'), report, { wait: 1000 });
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
 */
export function groupName(schema, key) {
  const [name, code] = key.split(':');
  const attribute = schema.find((one) => one.name === name && one.kind === 'open');
  return attribute?.values.find((value) => String(value.code) === code)?.name ?? key;
}
