/** The labeller's name in a project without accounts. */
const LOCAL = 'local';

/**
 * A labeller's name for reading. In a project without accounts the local labeller is the reader: "You".
 *
 * @param {string} name
 * @param {string} [you] the word within a sentence
 */
export const labellerName = (name, you = 'You') => (name === LOCAL && 'local' in document.documentElement.dataset ? you : name);
