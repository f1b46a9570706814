/** Finding and making elements, and words for what is in them. */

/** The labeller's name in a project without accounts. */
const LOCAL = 'local';

/**
 * The page's element with this id.
 *
 * @template {Element} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [type] the element's class, such as HTMLFormElement
 * @returns {T}
 * @throws {TypeError} if the page has no such element
 */
export function byId(id, type) {
  return of(document.getElementById(id), `#${id}`, type);
}

/**
 * The first element below `root` that matches.
 *
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} [type] the element's class
 * @returns {T}
 * @throws {TypeError} if there is no such element
 */
export function find(root, selector, type) {
  return of(root.querySelector(selector), selector, type);
}

/**
 * @template {Element} T
 * @param {Element|null} node
 * @param {string} name
 * @param {new () => T} [type]
 * @returns {T}
 */
function of(node, name, type) {
  if (node === null || (type && !(node instanceof type))) throw new TypeError(`The page has no ${type?.name ?? 'element'} ${name}.`);
  return /** @type {T} */ (node);
}

/**
 * All HTML elements below `root` that match.
 *
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export function findAll(root, selector) {
  return [...root.querySelectorAll(selector)].filter((node) => node instanceof HTMLElement);
}

/**
 * The field of a form.
 *
 * @param {HTMLFormElement} form
 * @param {string} name
 * @returns {HTMLInputElement} or a select, whose value is read and set in the same way
 * @throws {TypeError} if the form has no such field
 */
export function fieldOf(form, name) {
  const field = form.elements.namedItem(name);
  if (field === null) throw new TypeError(`The form has no field ${name}.`);
  return /** @type {HTMLInputElement} */ (field);
}

/**
 * Give a form's fields what the server keeps. A field that the reader has changed keeps the change until the form is reset.
 *
 * @param {HTMLFormElement} form
 * @param {Record<string, string|number>} values by the names of inputs or radio buttons
 * @throws {TypeError} if the form has no such field
 */
export function setDefaults(form, values) {
  for (const [name, value] of Object.entries(values)) {
    /** @type {Element|RadioNodeList} */
    const field = fieldOf(form, name);
    if (field instanceof RadioNodeList) for (const radio of field) /** @type {HTMLInputElement} */ (radio).defaultChecked = /** @type {HTMLInputElement} */ (radio).value === String(value);
    else /** @type {HTMLInputElement} */ (field).defaultValue = String(value);
  }
}

/**
 * The element nearest to where an event happened, itself or an ancestor, that matches.
 *
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement|null}
 */
export function closest(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/** The element with the focus. @returns {HTMLElement|null} */
export function focused() {
  return document.activeElement instanceof HTMLElement ? document.activeElement : null;
}

/**
 * Make an element. Strings among the children become text nodes: names of images and people are never parsed as HTML.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Object<string, any>} [properties] attributes; `class`, and `onclick`-like listeners; false and null are left out
 * @param {...(Node|string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/**
 * Let a form do something instead of leaving the page. Its buttons are disabled in the page's HTML and enabled here: until
 * the script has come, the browser would send the form itself and put what was typed into the address.
 *
 * @param {HTMLFormElement} form
 * @param {(event: SubmitEvent) => void} action
 */
export function onSubmit(form, action) {
  form.addEventListener('submit', (event) => { event.preventDefault(); action(event); });
  for (const button of form.querySelectorAll('button')) {
    if (button.getAttribute('type') !== 'button') button.disabled = false;
  }
}

/**
 * A number with its noun: `count(1, 'answer')` is "1 answer", `count(3, 'answer')` "3 answers".
 *
 * @param {number} number
 * @param {string} noun
 */
export function count(number, noun) {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

/**
 * A <time> element for an ISO 8601 text, in the reader's own time zone; a dash for nothing.
 *
 * @param {string|null} iso
 */
export function moment(iso) {
  if (!iso) return element('span', {}, '–');
  const shown = new Date(iso).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
  return element('time', { datetime: iso }, shown);
}

/**
 * A labeller's name for reading. In a project without accounts the local labeller is the reader: "You".
 *
 * @param {string} name
 * @param {string} [you] the word within a sentence
 */
export const labellerName = (name, you = 'You') => (name === LOCAL && 'local' in document.documentElement.dataset ? you : name);

/**
 * The message of a caught error.
 *
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
