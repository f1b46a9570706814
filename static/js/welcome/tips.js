/** Four tips for the first image. They are shown where the previous image will be, and leave with the first answer or when skipped. */
import { byId, find } from '../lib/dom.js';

const SEEN = 'facelabel:tips-seen';
const page = document.documentElement.dataset;

/** @type {{part: string, keys: string, touch: string}[]} `part`: what the tip is about, which the style sheet marks */
const TIPS = [
  { part: 'values', keys: 'Press the digit of a value. It answers the marked attribute and marks the next one.',
    touch: 'Tap a value. It answers the marked attribute and marks the next one.' },
  { part: 'attributes', keys: 'Press a letter to mark another attribute. If a value is suggested, the letter corrects it.',
    touch: 'Tap a tile to mark another attribute, for example to correct a suggestion.' },
  { part: 'accept', keys: 'Press Enter to accept all suggestions and go on, or Space to skip the image.',
    touch: 'Swipe the photo to the left to accept all suggestions and go on. Without any, it skips the image.' },
  { part: 'undo', keys: 'Press Backspace to undo the last key, then image after image. ? shows all keys.',
    touch: 'Swipe the photo to the right to return to the image before. Two fingers enlarge it.' },
];

/** Show the tips, unless this browser has seen them. */
export function showTips() {
  const root = byId('tips');
  if (localStorage.getItem(SEEN) || !root.hidden) return;
  const touch = matchMedia('(pointer: coarse)').matches;
  const [next, skip] = [find(root, '.next', HTMLButtonElement), find(root, '.skip', HTMLButtonElement)];
  let place = 0;
  const leave = () => {
    localStorage.setItem(SEEN, '1');
    root.hidden = true;
    delete page.tip;
  };
  const show = () => {
    if (place === TIPS.length) return leave();
    const tip = TIPS[place];
    page.tip = tip.part;
    find(root, 'b').textContent = `Tip ${place + 1} of ${TIPS.length}`;
    find(root, 'span').textContent = touch ? tip.touch : tip.keys;
    next.textContent = place + 1 < TIPS.length ? 'Next tip' : 'Close';
  };
  next.addEventListener('click', () => { place += 1; show(); });
  skip.addEventListener('click', leave);
  root.hidden = false;
  show();
  new MutationObserver((_, observer) => { // the first image is answered: the labeller knows how
    observer.disconnect();
    leave();
  }).observe(byId('previous-image'), { childList: true });
}
