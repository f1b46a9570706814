/** A schema while it is changed: plain operations on a copy, nothing of the page. */
/** @import { AttributeDetail, SchemaDetail, ValueDetail } from '../types' */

/** @typedef {ValueDetail & {old: boolean, wasRetired: boolean}} DraftValue `old`: the server knows it */
/** @typedef {Omit<AttributeDetail, 'values'> & {values: DraftValue[], old: ?string}} DraftAttribute `old`: its name in the server */

/** @type {(keyof AttributeDetail)[]} */
const SETTINGS = ['name', 'title', 'key', 'kind', 'required', 'groups', 'spellings', 'guideline', 'examples'];
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/**
 * A copy of the schema to change.
 *
 * @param {SchemaDetail} schema
 * @returns {DraftAttribute[]}
 */
export function draftOf(schema) {
  return structuredClone(schema.attributes).map((attribute) => ({
    ...attribute, old: attribute.name,
    values: attribute.values.map((value) => ({ ...value, old: true, wasRetired: value.status === 'retired' })),
  }));
}

/**
 * The attributes as the API takes them.
 *
 * @param {DraftAttribute[]} draft
 */
export function attributesOf(draft) {
  return draft.map((attribute) => {
    /** @type {Record<string, any>} */
    const settings = Object.fromEntries(SETTINGS.map((name) => [name, attribute[name]]));
    if (attribute.old && attribute.old !== attribute.name) settings.was = attribute.old;
    const values = attribute.values.map(({ code, name, status, ends, replaced_by: by }) => ({ code, name, status, ends, replaced_by: by }));
    return { ...settings, values };
  });
}

/**
 * @param {DraftAttribute} attribute
 * @param {string} [name]
 */
function newValue(attribute, name = '') {
  const code = Math.max(-1, ...attribute.values.map((value) => value.code)) + 1;
  /** @type {DraftValue} */
  const value = { code, name, status: 'active', ends: false, replaced_by: [], labels: 0, old: false, wasRetired: false };
  attribute.values.push(value);
  return value;
}

/**
 * Add a value with a code that was never used.
 *
 * @param {DraftAttribute} attribute
 */
export function addValue(attribute) {
  return newValue(attribute);
}

/**
 * Take a value away again that was added just now, also from where it is a part.
 *
 * @param {DraftAttribute} attribute
 * @param {DraftValue} value
 */
export function removeValue(attribute, value) {
  attribute.values = attribute.values.filter((other) => other !== value);
  for (const other of attribute.values) {
    if (!other.replaced_by.includes(value.code)) continue;
    other.replaced_by = other.replaced_by.filter((code) => code !== value.code);
    if (other.replaced_by.length < 2) setFate(attribute, other, 'stays');
  }
}

/**
 * What becomes of a value: "stays", "retired", "split", or the code it is merged into, as text.
 *
 * @param {DraftValue} value
 */
export function fateOf(value) {
  if (value.replaced_by.length > 1) return 'split';
  return value.replaced_by.length === 1 ? String(value.replaced_by[0]) : value.status === 'retired' ? 'retired' : 'stays';
}

/**
 * Decide what becomes of a value; a split begins with two new parts.
 *
 * @param {DraftAttribute} attribute
 * @param {DraftValue} value
 * @param {string} fate as `fateOf` gives it
 */
export function setFate(attribute, value, fate) {
  /** @type {number[]} */
  const parts = fateOf(value) === 'split' ? value.replaced_by : [];
  attribute.values = attribute.values.filter((other) => other.old || !parts.includes(other.code));
  value.status = fate === 'stays' ? 'active' : 'retired';
  value.replaced_by = [];
  if (fate === 'split') value.replaced_by = [newValue(attribute).code, newValue(attribute).code];
  else if (/^\d+$/.test(fate)) value.replaced_by = [Number(fate)];
}

/**
 * One more part of a value that is split.
 *
 * @param {DraftAttribute} attribute
 * @param {DraftValue} value
 */
export function addPart(attribute, value) {
  value.replaced_by.push(newValue(attribute).code);
}

/**
 * Add an attribute with two values.
 *
 * @param {DraftAttribute[]} draft
 */
export function addAttribute(draft) {
  const taken = new Set(draft.map(({ key }) => key));
  /** @type {DraftAttribute} */
  const attribute = {
    name: '', title: '', key: [...LETTERS].find((letter) => !taken.has(letter)) ?? '', kind: 'categorical', required: true, groups: false,
    spellings: [], values: [], guideline: '', examples: [], labelled: 0, people: null, old: null };
  newValue(attribute, 'no');
  newValue(attribute, 'yes');
  draft.push(attribute);
  return attribute;
}

/**
 * Move an attribute up (-1) or down (+1).
 *
 * @param {DraftAttribute[]} draft
 * @param {DraftAttribute} attribute
 * @param {1|-1} by
 */
export function move(draft, attribute, by) {
  const from = draft.indexOf(attribute);
  const to = from + by;
  if (to < 0 || to >= draft.length) return;
  draft.splice(from, 1);
  draft.splice(to, 0, attribute);
}
