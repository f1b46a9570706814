/** The empty label page takes the first images: it sends them to be checked, and the import page goes on from there. */
import { byId, messageOf } from '../lib/dom.js';
import { bundle, takeFiles } from '../upload/drop_zone.js';
import { upload } from '../upload/upload.js';
import { ownUrl } from '../lib/urls.js';
/** @import { ChosenFile } from '../upload/drop_zone.js' */

let sending = false;

/** @param {string} text */
function say(text) {
  byId('first-import').textContent = text;
}

/** @param {ChosenFile[]} files */
async function send(files) {
  if (sending) return; // what is on its way says how far it is, and the next page takes more
  sending = true;
  const { name, content } = bundle(files);
  say(`Uploading ${name} …`);
  try {
    const pieceBytes = Number(byId('main').dataset.pieceBytes);
    const percent = (/** @type {{received: number, bytes: number}} */ { received, bytes }) => Math.floor((100 * received) / bytes);
    const row = await upload(name, content, pieceBytes, (part) => say(`Uploading ${name}: ${percent(part)} %`), say);
    location.assign(ownUrl(`/import#${row.id}`));
  } catch (error) {
    say(messageOf(error));
    sending = false;
  }
}

/** Let the drop zone of the empty page take files. */
export function offerFirstImport() {
  takeFiles(send, (text) => { if (!sending) say(text); });
}
