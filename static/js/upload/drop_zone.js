/** Files that are dropped on a page or chosen in it, and their way to the server. */
import { byId, findAll, messageOf } from '../lib/dom.js';
import { tar } from './tar.js';

/** @typedef {{path: string, file: File}} ChosenFile `path`: its place in the folder that was chosen */

/**
 * The files of a dropped folder, with their places in it.
 *
 * @param {FileSystemEntry} entry
 * @param {string} [prefix]
 * @returns {Promise<ChosenFile[]>}
 */
async function walk(entry, prefix = '') {
  if (entry instanceof FileSystemFileEntry) return [{ path: prefix + entry.name, file: await new Promise((resolve, reject) => { entry.file(resolve, reject); }) }];
  if (!(entry instanceof FileSystemDirectoryEntry)) return [];
  const reader = entry.createReader();
  /** @type {ChosenFile[]} */
  const files = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (some.length === 0) return files;
    for (const inner of some) files.push(...await walk(inner, `${prefix}${entry.name}/`));
  }
}

/**
 * Let the element #drop take files and folders: dropped on it, or chosen in its fields.
 *
 * @param {(files: ChosenFile[]) => void} onfiles called with at least one file
 * @param {(text: string) => void} onproblem called with the reason if there is no file, or one cannot be read
 */
export function takeFiles(onfiles, onproblem) {
  const zone = byId('drop');
  const take = (/** @type {ChosenFile[]} */ files) => (files.length > 0 ? onfiles(files) : onproblem('There is no file in it.'));
  zone.addEventListener('dragover', (event) => { event.preventDefault(); zone.dataset.over = ''; });
  zone.addEventListener('dragleave', () => { delete zone.dataset.over; });
  zone.addEventListener('drop', async (event) => {
    event.preventDefault();
    delete zone.dataset.over;
    const entries = [...event.dataTransfer?.items ?? []].flatMap((item) => item.webkitGetAsEntry() ?? []);
    try {
      take((await Promise.all(entries.map((entry) => walk(entry)))).flat());
    } catch (error) {
      onproblem(`The browser cannot read what you dropped: ${messageOf(error)}`);
    }
  });
  for (const field of findAll(zone, 'input')) {
    if (!(field instanceof HTMLInputElement)) continue;
    field.addEventListener('change', () => {
      take([...field.files ?? []].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
      field.value = '';
    });
  }
}

/**
 * What is sent of the chosen files: a single file unchanged, several files or an image as one archive.
 *
 * @param {ChosenFile[]} files at least one
 * @returns {{name: string, content: Blob}}
 */
export function bundle(files) {
  const [{ path, file }] = files;
  const isImage = file.type.startsWith('image/');
  if (files.length === 1 && !isImage) return { name: file.name, content: file };
  const root = files.length > 1 && path.includes('/') ? path.split('/')[0] : 'files';
  return { name: `${isImage && files.length === 1 ? 'image' : root}.tar`, content: tar(files) };
}
