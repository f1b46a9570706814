/** The HTTP API of docs/api.md: one function, one error. */

const BASE = '/api/v1/';
const TIMEOUT = 20_000; // milliseconds until a silent server counts as gone

/** A request that did not succeed. `status` is 0 when no answer came; `what`, `kept` and `do` are the server's words. */
export class ApiError extends Error {
  constructor(status, { code = 'unknown', what = '', kept = '', do: advice = '' } = {}) {
    super([what, kept, advice].filter(Boolean).join(' '));
    Object.assign(this, { status, code, what, kept, do: advice });
  }

  /** Whether the same request may succeed later: no answer, not logged in, too many requests, trouble in the server. */
  get passing() {
    return this.status === 0 || [401, 403, 408, 429].includes(this.status) || this.status >= 500;
  }

  /** Whether the server refuses because the lease has run out. */
  get leaseLost() {
    return this.status === 409 && this.code.includes('lease');
  }
}

async function errorOf(response) {
  try {
    return new ApiError(response.status, (await response.json()).error);
  } catch {
    return new ApiError(response.status, { what: `The server answered with status ${response.status}.` });
  }
}

/**
 * Call the API.
 *
 * @param {'GET'|'POST'} method
 * @param {string} path below /api/v1/
 * @param {Object} [body] sent as JSON
 * @param {string} [key] the Idempotency-Key of a request that must count once
 * @returns {Promise<Object>} the parsed answer
 * @throws {ApiError}
 */
export async function call(method, path, body, key) {
  const headers = {};
  if (body) headers['Content-Type'] = 'application/json';
  if (key) headers['Idempotency-Key'] = key;
  let response;
  try {
    response = await fetch(BASE + path, {
      method, headers, body: body && JSON.stringify(body), cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT),
    });
    if (response.ok) return response.status === 204 ? null : await response.json();
  } catch {
    throw new ApiError(0, { what: 'The server does not answer.' });
  }
  if (response.status === 401) document.getElementById('login-link')?.removeAttribute('hidden');
  throw await errorOf(response);
}

/**
 * The schema's attributes, asked for until the server answers: without them there is nothing to show.
 *
 * @param {HTMLElement} note where to say why nothing is there yet
 */
export async function schemaOf(note) {
  for (;;) {
    try {
      return (await call('GET', 'schema')).attributes;
    } catch (error) {
      if (!('passing' in error)) throw error;
      note.textContent = `${error.message} Trying again …`;
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
    }
  }
}

/** A random key. `crypto.randomUUID` exists only on https and localhost, so plain http in a lab network needs the other way. */
export function randomKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
