import { byId } from '../lib/dom.js';
import { randomKey } from '../lib/api.js';
import { copiesOf, deleteCopies } from '../lib/private_data.js';
/** @import { ProjectStorage } from '../lib/storage.js' */
/** @import { Task } from '../types' */
/** @import { TaskQueue } from './task_queue.js' */

const CALM = 300; // milliseconds without a new image until the images ahead are kept
const STATIC = new URL('../../', import.meta.url).pathname; // with the version
const page = document.documentElement.dataset;

/**
 * A copy of this page, its scripts and the images that it holds, from which the service worker (offline/worker.js) opens the page
 * without a network. A page that is opened so goes on with the images of the pages that were closed.
 *
 * Browsers allow this on https and on this machine only; elsewhere nothing is kept.
 */
export class OfflineCopy {
  /**
   * @param {ProjectStorage} local shared by tabs
   * @param {ProjectStorage} session this tab's
   * @param {TaskQueue} tasks
   * @param {(text: string) => void} onsay
   */
  constructor(local, session, tasks, onsay) {
    this.local = local;
    this.session = session;
    this.tasks = tasks;
    this.onsay = onsay;
    this.worker = new URL(byId('main').dataset.worker ?? '', location.href).pathname;
    this.home = new URL('./', new URL(this.worker, location.href)).pathname;
    this.name = `${copiesOf(this.home)}${page.project} ${STATIC}`;
    this.own = `ahead:${randomKey()}`; // the images of this page; a lock of the same name says that the page is open
    this.possible = 'serviceWorker' in navigator && 'caches' in globalThis && 'locks' in navigator;
    /** @type {Promise<unknown>} */
    this.work = Promise.resolve();
    /** @type {string[]} */
    this.shown = []; // addresses of images that are not ahead and may be shown
    /** @type {number|undefined} */
    this.timer = undefined;
    this.copied = false;
  }

  /** Copy the page once it is complete, and watch whether the server is there. */
  begin() {
    if (!this.possible) return;
    navigator.locks.request(this.local.prefix + this.own, () => new Promise(() => {})); // until the page is closed
    this.tasks.on('trouble', () => this.tasks.current ?? this.takeOver());
    this.tasks.on('progress', () => this.reached());
    document.addEventListener('visibilitychange', () => document.hidden && this.timer !== undefined && this.keep());
  }

  /** The server has answered: what closed pages left is not needed, and this page can be copied. */
  async reached() {
    if (this.copied) return;
    this.copied = true;
    try {
      await navigator.serviceWorker.register(this.worker);
      for (const name of await this.left()) this.local.remove(name);
      await this.copyPage();
      page.offline = 'ready';
      this.keep();
    } catch { // a lost network, or a browser that keeps nothing: the page works without a copy
      this.copied = false;
    }
  }

  /** Copy the scripts and styles that this page has loaded, and then the page, so that a copied page is complete. */
  async copyPage() {
    const copy = await caches.open(this.name);
    const loaded = performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname).filter((path) => path.startsWith(STATIC));
    const there = new Set((await copy.keys()).map(({ url }) => new URL(url).pathname));
    const missing = [...new Set(loaded)].filter((path) => !there.has(path));
    await copy.addAll(missing.map((path) => new Request(path, { cache: 'force-cache' }))); // the browser has just loaded them
    const response = await fetch(this.home, { cache: 'no-store' });
    const html = await response.clone().text();
    // Meanwhile the server may be another version, and somebody else may have logged in.
    if (!response.ok || !html.includes(STATIC) || !html.includes(`data-project="${page.project}"`)) throw new TypeError('another page');
    await copy.put(this.home, response);
    await deleteCopies((name) => name.startsWith(copiesOf(this.home)) && name !== this.name); // of earlier versions, projects and accounts
  }

  /**
   * The images on the page have changed; they are kept when the labeller pauses, and before the page is hidden.
   *
   * @param {Task[]} others images that may be shown besides those ahead
   */
  changed(others) {
    if (!this.possible) return;
    this.shown = others.map((task) => task.image_url);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), CALM);
  }

  /** Keep the tasks ahead in the local storage, and their images in the copy. */
  keep() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (page.offline !== 'ready' && !this.local.names('ahead:').includes(this.own)) return; // there is no copy that could open them
    try {
      this.local.set(this.own, this.tasks.queue);
    } catch { // no room: answers need it more
      this.local.remove(this.own);
    }
    this.work = this.work.then(() => this.keepImages());
  }

  async keepImages() {
    if (!(await caches.has(this.name))) return; // the account has logged out
    const copy = await caches.open(this.name);
    const ahead = this.local.names('ahead:').flatMap((name) => /** @type {Task[]} */ (this.local.get(name) ?? []).map((task) => task.image_url));
    const wanted = new Set([...ahead, ...this.shown].map((url) => new URL(url, location.href).pathname));
    for (const { url } of await copy.keys()) {
      const { pathname } = new URL(url);
      if (wanted.delete(pathname) || pathname === this.home || pathname.startsWith(STATIC)) continue;
      await copy.delete(url);
    }
    for (const path of wanted) {
      try {
        await copy.add(path); // mostly from the browser's cache: the page has just loaded it
      } catch { // the server is away, or the image is gone
      }
    }
  }

  /** The names of what closed pages left. */
  async left() {
    const { held = [] } = await navigator.locks.query();
    const open = new Set(held.map(({ name }) => name));
    return this.local.names('ahead:').filter((name) => name !== this.own && !open.has(this.local.prefix + name));
  }

  /** The server is away and this page has no image: go on with those that closed pages had ahead. */
  async takeOver() {
    const names = await this.left();
    /** @type {Task[]} */
    const tasks = names.flatMap((name) => this.local.get(name) ?? []);
    if (tasks.length === 0) return;
    this.session.set('suggestions', ''); // whichever predictions the tasks are of, they may be renewed
    this.tasks.takeOver(tasks);
    this.local.set(this.own, this.tasks.queue);
    for (const name of names) this.local.remove(name);
    this.onsay('No server. Go on with the images here: your answers are kept.');
  }
}
