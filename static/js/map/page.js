/** The page of the map: all images in two dimensions; a lasso leads to Browse and Sweep. */
import { call } from '../lib/api.js';
import { byId, closest, count, element, findAll, messageOf, moment } from '../lib/dom.js';
import { untilAnswered } from '../lib/retry.js';
import { ProjectStorage } from '../lib/storage.js';
import { browseUrl, sweepUrl } from '../lib/urls.js';
import { Gestures } from './gestures.js';
import { cornersOf, imagesInside, lassoText } from './lasso.js';
import { legendNodes, looksOf } from './legend.js';
import { Painter } from './painter.js';
import { countImages, readColours, readPoints } from './points.js';
import { Preview } from './preview.js';
import { Viewport } from './viewport.js';
/** @import { Attribute, ImageMap } from '../types' */
/** @import { Place } from './lasso.js' */
/** @import { Points } from './points.js' */

const LOOK_AGAIN = 2000; // milliseconds while a map is being made
const REACH = 12; // pixels around the pointer in which an image is found
const STRIDE = 0.15; // of the screen by which an arrow key moves the map
const ONE_CHANGE = 10_000; // images that one change takes

const byField = byId('by', HTMLSelectElement);
const attributeField = byId('attribute', HTMLSelectElement);
const stage = byId('stage');
const legend = byId('legend');
const isLabeller = document.documentElement.dataset.role === 'labeller';
const local = new ProjectStorage(localStorage, document.documentElement.dataset.project ?? '');

class MapPage {
  /** @param {Attribute[]} schema */
  constructor(schema) {
    this.schema = schema.filter(({ kind }) => kind === 'categorical');
    this.view = new Viewport();
    this.painter = new Painter(byId('canvas', HTMLCanvasElement));
    this.preview = new Preview(byId('preview'));
    /** @type {?ImageMap} */
    this.map = null;
    /** @type {?Points} */
    this.points = null;
    this.bytes = new Uint8Array(0);
    this.lassoing = false;
    /** @type {?Place[]} */
    this.corners = null;
    /** @type {?string} */
    this.polygon = null;
    /** @type {?number} the byte of the only value in full colour */
    this.only = null;
    /** @type {?number} */
    this.ringed = null;
    this.waits = false; // whether the next frame draws
    this.asked = 0; // colours that were asked for
    this.listen();
  }

  listen() {
    const drawn = () => this.draw();
    new Gestures(stage, this.view, {
      drawing: () => this.lassoing,
      onmove: drawn,
      onlasso: (places) => { this.corners = places.length > 0 ? places : null; this.draw(); },
      onlassoed: (places) => this.select(places),
      onclick: (...point) => this.point(...point),
      onhover: (...point) => this.hover(...point),
    });
    new ResizeObserver(() => this.resize()).observe(stage);
    new MutationObserver(() => this.recolour()).observe(document.documentElement, { attributeFilter: ['data-theme'] });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.recolour());
    for (const field of [byField, attributeField]) field.addEventListener('change', () => this.colour());
    stage.addEventListener('keydown', (event) => this.press(event));
    for (const button of findAll(document, '[data-command]')) button.addEventListener('click', () => this.command(button.dataset.command ?? ''));
    document.addEventListener('visibilitychange', () => !document.hidden && this.points && this.colour());
  }

  // ---- which map is shown

  async start() {
    attributeField.replaceChildren(element('option', { value: '' }, 'all'), ...this.schema.map(({ name, title }) => element('option', { value: name }, title)));
    const kept = local.get('map') ?? {};
    const offered = [...byField.options].filter((option) => !(isLabeller && option.dataset.needs));
    byField.value = offered.some(({ value }) => value === kept.by) ? kept.by : 'label';
    attributeField.value = this.schema.some(({ name }) => name === kept.attribute) ? kept.attribute : this.schema[0]?.name ?? '';
    this.resize();
    await this.load();
  }

  async load() {
    /** @type {ImageMap} */
    const map = await call('GET', 'map');
    const before = this.map;
    this.map = map;
    if (map.points_url !== null && map.points_url !== before?.points_url) {
      this.points = await readPoints(map.points_url);
      this.clear();
      await this.colour();
    }
    this.describe();
    document.documentElement.dataset.state = 'ready';
    if (map.state === 'waiting' || map.state === 'computing') setTimeout(() => this.load().catch(showError), LOOK_AGAIN);
  }

  describe() {
    const { map } = this;
    if (!map) return;
    const making = map.state === 'waiting' || map.state === 'computing';
    const left = map.counted - map.images;
    byId('none').hidden = map.number !== null;
    for (const id of ['legend-title', 'anew']) byId(id).hidden = map.number === null;
    byId('message').textContent = map.message;
    const parts = map.number === null ? [] : [`${count(map.images, 'image')}, made `, moment(map.made_at), left > 0 ? `. ${count(left, 'newer image')} ${left === 1 ? 'is' : 'are'} not on it yet.` : '.'];
    byId('about').replaceChildren(...parts);
    for (const button of findAll(document, '[data-command=make]')) button.toggleAttribute('disabled', making || map.state === 'impossible');
  }

  async make() {
    try {
      await call('POST', 'map', {});
      await this.load();
      showError(null);
    } catch (error) {
      showError(error);
    }
  }

  // ---- colours

  async colour() {
    const { map } = this;
    const scale = byField.value === 'uncertainty';
    attributeField.options[0].disabled = !scale;
    if (!scale && !attributeField.value) attributeField.value = this.schema[0]?.name ?? '';
    const wish = { by: byField.value, attribute: attributeField.value };
    local.set('map', wish);
    if (map?.number == null) return;
    this.asked += 1;
    const mine = this.asked;
    try {
      const bytes = await readColours(map.number, wish);
      if (mine !== this.asked || bytes.length !== this.points?.count) return;
      this.bytes = bytes;
      this.only = null;
      legend.replaceChildren(...legendNodes(wish.by, this.schema.find(({ name }) => name === wish.attribute), bytes, (value) => { this.only = value; this.choose(); }));
      this.recolour();
      showError(null);
    } catch (error) {
      showError(error);
    }
  }

  recolour() {
    if (!this.points || this.bytes.length !== this.points.count) return;
    this.painter.show(this.points, this.bytes, looksOf(legend, byField.value));
    this.choose();
  }

  /** Which points have their full colour: those inside the lasso, with the value that was chosen in the legend. */
  choose() {
    const { points, polygon, only, bytes } = this;
    const inside = points && polygon ? imagesInside(cornersOf(polygon), points.places) : null;
    this.painter.chosen = only === null ? inside : Uint8Array.from(bytes, (byte, image) => (byte === only && (inside === null || inside[image] === 1) ? 1 : 0));
    this.draw();
  }

  // ---- the picture

  resize() {
    const { clientWidth: width, clientHeight: height } = stage;
    this.view.resize(width, height);
    this.painter.resize(width, height);
    this.draw();
  }

  draw() {
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      this.painter.draw(this.view, this.corners, this.ringed);
    });
  }

  // ---- the selection

  /** @param {Place[]} places corners of what was drawn */
  select(places) {
    this.polygon = this.map?.number == null ? null : lassoText(this.map.number, places);
    this.corners = this.polygon === null ? null : cornersOf(this.polygon);
    this.choose();
    this.offer();
  }

  clear() {
    this.polygon = null;
    this.corners = null;
    this.choose();
    this.offer();
  }

  async offer() {
    const { polygon } = this;
    byId('selection').hidden = polygon === null;
    byId('how').hidden = polygon !== null;
    if (polygon === null) return;
    const view = new URLSearchParams({ inside: polygon });
    byId('show', HTMLAnchorElement).href = browseUrl(view);
    byId('change', HTMLAnchorElement).href = `${browseUrl(view)}#all`;
    byId('sweep', HTMLAnchorElement).href = sweepUrl(view);
    byId('selected').textContent = 'Counting …';
    try {
      const { images, complete } = await countImages(view);
      if (polygon !== this.polygon) return;
      byId('selected').textContent = `${complete ? '' : 'More than '}${count(images, 'image')} inside`;
      byId('limit').hidden = images <= ONE_CHANGE;
      for (const id of ['show', 'change', 'sweep']) byId(id).toggleAttribute('hidden', images === 0);
    } catch (error) {
      byId('selected').textContent = '';
      showError(error);
    }
  }

  /**
   * @param {number} across
   * @param {number} down
   */
  point(across, down) {
    this.ring(this.painter.nearest(this.view, across, down, 2 * REACH), 0);
  }

  /**
   * @param {number} across
   * @param {number} down
   */
  hover(across, down) {
    const found = this.painter.nearest(this.view, across, down, REACH);
    if (found !== null && found !== this.ringed) this.ring(found);
  }

  /**
   * @param {?number} image its place among the points
   * @param {number} [wait] milliseconds until it is shown beside the map
   */
  ring(image, wait) {
    this.ringed = image;
    this.preview.show(image === null || !this.points ? null : this.points.ids[image], wait);
    this.draw();
  }

  // ---- keys and buttons

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || closest(event, 'input, select')) return;
    const { view } = this;
    const [across, down] = [STRIDE * view.width, STRIDE * view.height];
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => view.pan(across, 0), ArrowRight: () => view.pan(-across, 0), ArrowUp: () => view.pan(0, down), ArrowDown: () => view.pan(0, -down),
      '+': () => view.enlarge(1.5), '=': () => view.enlarge(1.5), '-': () => view.enlarge(1 / 1.5), 0: () => view.fit(),
      l: () => this.command('lasso'), s: () => this.command('select'), Escape: () => this.clear(),
      Enter: () => this.polygon && location.assign(byId('show', HTMLAnchorElement).href),
    };
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
    this.draw();
  }

  /** @param {string} command */
  command(command) {
    const { view } = this;
    if (command === 'lasso' || command === 'move') this.tool(command === 'lasso' && !this.lassoing);
    else if (command === 'select') this.select(view.corners);
    else if (command === 'clear') this.clear();
    else if (command === 'make') this.make();
    else if (command === 'in') view.enlarge(1.5);
    else if (command === 'out') view.enlarge(1 / 1.5);
    else view.fit();
    this.draw();
  }

  /** @param {boolean} lassoing */
  tool(lassoing) {
    this.lassoing = lassoing;
    stage.dataset.tool = lassoing ? 'lasso' : 'move';
    for (const button of findAll(document, '[data-command=lasso]')) button.setAttribute('aria-pressed', String(lassoing));
  }
}

/** @param {unknown} error null: there is none any more */
function showError(error) {
  byId('error').textContent = error === null ? '' : messageOf(error);
}

const schema = await untilAnswered(async () => (await call('GET', 'schema')).attributes, showError);
const page = new MapPage(schema);
await untilAnswered(() => page.start(), showError);
