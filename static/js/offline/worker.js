// The service worker: without a network it opens the label page from the copy that the page keeps (label/offline_copy.js).
// It stores nothing, so an older worker can serve a newer page: the address of a script contains its version.
{
  const PATIENCE = 20_000; // milliseconds until a silent server counts as away, as in lib/api.js
  const AWAY = [502, 503, 504]; // what a proxy says of a server that is away
  const worker = /** @type {any} */ (globalThis); // tsc knows the types of pages only
  const { pathname: home } = new URL(worker.registration.scope); // the label page

  /** @param {string} address */
  const kept = (address) => caches.match(address, { ignoreVary: true });

  /**
   * The label page of the server, else the kept one.
   *
   * @param {Request} request
   */
  async function openPage(request) {
    const answer = fetch(request);
    const late = new Promise((resolve) => { setTimeout(resolve, PATIENCE); });
    try {
      const response = await Promise.race([answer, late]);
      if (response && !AWAY.includes(response.status)) return response;
    } catch { // there is no network
    }
    return (await kept(home)) ?? answer;
  }

  /**
   * Whether the label page, or a script or style sheet, asks.
   *
   * @param {Request} request
   */
  function fromLabelPage({ referrer }) {
    if (!referrer) return false;
    const { pathname } = new URL(referrer);
    return pathname === home || pathname.startsWith(`${home}static/`);
  }

  worker.addEventListener('install', () => worker.skipWaiting());
  worker.addEventListener('fetch', (/** @type {any} */ event) => {
    /** @type {Request} */
    const request = event.request;
    const { origin, pathname } = new URL(request.url);
    if (request.method !== 'GET' || origin !== location.origin) return;
    if (request.mode === 'navigate') {
      if (pathname === home) event.respondWith(openPage(request));
    } else if ((pathname.startsWith(`${home}static/`) || pathname.startsWith(`${home}media/`)) && fromLabelPage(request)) {
      // What is at these addresses never changes. An image is asked for by its address: the server may send image elements to
      // another one, where this worker's policy does not let it follow.
      event.respondWith(kept(request.url).then((copy) => copy ?? fetch(request.destination === 'image' ? request.url : request)));
    }
  });
}
