/** What the label page says when a colleague excluded an image that was open here. */
import { asApiError, call } from '../lib/api.js';
import { exclusionText } from '../lib/exclude_dialog.js';
/** @import { Exclusion, ImageDetail, Task } from '../types' */

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
