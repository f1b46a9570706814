/** The addresses of pages and files. Those of images come from the server, as `image_url`. */

/**
 * The address of a page or a file of this server: behind a proxy, all of them may lie below a path.
 *
 * @param {string} path as the server knows it, such as `/browse`
 */
export const ownUrl = (path) => (document.documentElement.dataset.base ?? '') + path;

/**
 * The browse page, as far as the filters narrow it.
 *
 * @param {URLSearchParams} [filters]
 */
export const browseUrl = (filters) => ownUrl(filters && filters.size > 0 ? `/browse?${filters}` : '/browse');

/**
 * The images behind a number of what the team and the models answered; null for labellers, who see their own answers only.
 *
 * @param {URLSearchParams} filters
 */
export const answersUrl = (filters) => (document.documentElement.dataset.role === 'labeller' ? null : browseUrl(filters));

/**
 * The sweep page, for an attribute, or the images inside a lasso of the map.
 *
 * @param {URLSearchParams} part
 */
export const sweepUrl = (part) => ownUrl(`/sweep?${part}`);

/**
 * The page of one image.
 *
 * @param {number} id
 * @param {URLSearchParams} [filters] of the view that it is one of
 */
export const imageUrl = (id, filters) => ownUrl(filters && filters.size > 0 ? `/browse/${id}?${filters}` : `/browse/${id}`);

/**
 * The page of one round.
 *
 * @param {number} id
 */
export const roundUrl = (id) => ownUrl(`/rounds/${id}`);

/**
 * Something of a snapshot.
 *
 * @param {string} name
 * @param {'card'|'zip'} part
 */
export const snapshotUrl = (name, part) => ownUrl(`/snapshots/${encodeURIComponent(name)}/${part}`);

/**
 * The list of what changed between two snapshots.
 *
 * @param {string} a name of the older one
 * @param {string} b name of the newer one
 */
export const changesUrl = (a, b) => ownUrl(`/snapshots/${encodeURIComponent(a)}/changes/${encodeURIComponent(b)}`);

/**
 * The numbers of a chart as CSV.
 *
 * @param {string} chart
 * @param {string} attribute
 */
export const numbersUrl = (chart, attribute) => ownUrl(`/insights/${chart}.csv?attribute=${encodeURIComponent(attribute)}`);
