/** The label page's first and last minutes: the first import, tips, and what comes after the last image. */
import { offerFirstImport } from './first_import.js';
import { showUncertain } from './finish.js';
import { showTips } from './tips.js';

const root = document.documentElement;

/** Follow the state of the label page (label/view.js). */
function follow() {
  if (root.dataset.state === 'ready') showTips();
  if (root.dataset.state === 'done') showUncertain();
}

offerFirstImport();
new MutationObserver(follow).observe(root, { attributes: true, attributeFilter: ['data-state'] });
follow();
