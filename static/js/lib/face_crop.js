import { element } from './dom.js';

const MARGIN = 1.75; // the side of the square around a face, in sides of its box: hair and chin are in it

/** @import { Box } from '../types' */

/**
 * What a grid shows of an image: its head, cut out by the server, or all of it.
 *
 * @param {{image_url: string, thumbnail_url?: string|null}} image
 */
export const thumbnailOf = ({ image_url: whole, thumbnail_url: head }) => head ?? whole;

/**
 * A lazily loaded picture of a grid; while the server is too busy to cut the head out, it shows the whole image.
 *
 * @param {{image_url: string, thumbnail_url?: string|null}} image
 */
export function thumbnailNode(image) {
  const node = element('img', { src: thumbnailOf(image), alt: '', loading: 'lazy', decoding: 'async', draggable: 'false' });
  if (image.thumbnail_url) node.addEventListener('error', () => { node.src = image.image_url; }, { once: true });
  return node;
}

/**
 * Show the face of an image in the middle of its frame, which must be a size container that hides what is outside.
 *
 * @param {HTMLImageElement} node
 * @param {{width: number, height: number, box?: Box|null, turn?: number, thumbnail_url?: string|null}} image `box`: in pixels
 */
export function cropToFace(node, { width, height, box, turn, thumbnail_url: cut }) {
  if (!box || cut) return;
  const [left, top, right, bottom] = box;
  const side = Math.min(MARGIN * Math.max(right - left, bottom - top), Math.max(width, height));
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const part = (/** @type {number} */ pixels) => `${(pixels / side) * 100}cqmax`;
  Object.assign(node.style, {
    inset: 'auto', left: `calc(50cqw - ${part(x)})`, top: `calc(50cqh - ${part(y)})`, width: part(width), height: part(height),
    maxWidth: 'none', objectFit: 'fill', transformOrigin: `${(x / width) * 100}% ${(y / height) * 100}%`, transform: turn ? `rotate(${turn}deg)` : '',
  });
}
