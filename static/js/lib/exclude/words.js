/** What pages say about excluded images. */
import { asApiError, call } from '../api.js';
import { count } from '../dom.js';
/** @import { Exclusion, ImageDetail, Task } from '../../types' */

/**
 * A reason in words.
 *
 * @param {string} reason as the API writes it
 */
export const reasonText = (reason) => reason.replaceAll('_', ' ');

/**
 * Who excluded an image, and why: "excluded by Eva: duplicate (see 7)".
 *
 * @param {Pick<Exclusion, 'reason'|'note'|'labeller'>} exclusion
 */
export function exclusionText({ reason, note, labeller }) {
  return `excluded by ${labeller === 'local' ? 'you' : labeller}: ${reasonText(reason)}${note ? ` (${note})` : ''}`;
}

/**
 * The server kept an answer to an image that was excluded meanwhile.
 *
 * @param {string} name of the image
 * @param {Exclusion} exclusion
 */
export function keptText(name, exclusion) {
  return `${name} was ${exclusionText(exclusion)}. Your answer is kept and counts if the image is restored.`;
}

/**
 * The server kept the answers to a page with images that were excluded meanwhile.
 *
 * @param {number} excluded how many
 */
export const someExcludedText = (excluded) => `Somebody had excluded ${count(excluded, 'face')}. Your answer is kept and counts if it is restored.`;

/**
 * The image on the screen was taken away before it was answered: if it was excluded, say so.
 *
 * @param {Task} task
 * @param {(text: string) => void} say
 */
export async function tellWhyGone(task, say) {
  try {
    /** @type {ImageDetail} */
    const image = await call('GET', `images/${task.image_id}`);
    if (image.excluded) say(`${task.image_name} was ${exclusionText(image.excluded)}. This is the next image.`);
  } catch (error) {
    asApiError(error); // the server does not answer: the page says that elsewhere
  }
}
