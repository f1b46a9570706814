/** Shapes of a drawing; colours come from the page's style sheets, by class. */
const NS = 'http://www.w3.org/2000/svg';

/**
 * Make an SVG element.
 *
 * @param {string} tag
 * @param {Object<string, *>} attributes
 * @param {...(Node|string)} children
 */
export function shape(tag, attributes = {}, ...children) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
