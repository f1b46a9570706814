/** What the label page shows when every image is labelled: five uncertain images to look at again. */
import { asApiError, call } from '../lib/api.js';
import { byId, element } from '../lib/dom.js';
import { imageUrl } from '../lib/urls.js';
/** @import { ImageCard } from '../types' */

const SHOWN = 5;

/** Show the images that the model is least certain about; without predictions there are none. */
export async function showUncertain() {
  try {
    /** @type {{version: string}} */
    const { version } = await call('GET', 'loop');
    if (version === '') return;
    /** @type {{images: ImageCard[]}} */
    const { images } = await call('GET', `images?order=uncertainty&limit=${SHOWN}`);
    byId('uncertain-images').replaceChildren(...images.map((image) => element('li', {},
      element('a', { href: imageUrl(image.id), title: image.name }, element('img', { src: image.thumbnail_url ?? image.image_url, alt: image.name })))));
    byId('uncertain').hidden = images.length === 0;
  } catch (error) {
    asApiError(error); // the other steps are there
  }
}
