/**
 * Make an element. Strings among the children become text nodes: names of images and people are never parsed as HTML.
 *
 * @param {string} tag
 * @param {Object<string, *>} [properties] attributes; `class`, and `onclick`-like listeners; false and null are left out
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
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
 * the script has come, the browser would send the form by itself and put what was typed into the address.
 *
 * @param {HTMLFormElement} form
 * @param {function(SubmitEvent)} action
 */
export function onSubmit(form, action) {
  form.addEventListener('submit', (event) => { event.preventDefault(); action(event); });
  for (const button of form.querySelectorAll('button:not([type=button])')) button.disabled = false;
}

/** A number with its noun: `count(1, 'answer')` is "1 answer", `count(3, 'answer')` "3 answers". */
export function count(number, noun) {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

/** A <time> element for an ISO 8601 text, in the reader's own time zone. */
export function moment(iso) {
  if (!iso) return element('span', {}, '–');
  const shown = new Date(iso).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
  return element('time', { datetime: iso }, shown);
}
