/** The HTTP API of docs/api.md: one function, one error. */
import { ownUrl } from './urls.js';
/** @import { Problem } from '../types' */

const BASE = ownUrl('/api/v1/');
const TIMEOUT = 20_000; // milliseconds until a silent server counts as gone
const FILE_TIMEOUT = 120_000; // for a piece of a file on a slow line

/** A request that did not succeed. `status` is 0 when no answer came; `what`, `kept` and `do` are the server's words. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {Partial<Problem>} [problem]
   */
  constructor(status, { code = 'unknown', what = '', kept = '', do: advice = '' } = {}) {
    super([what, kept, advice].filter(Boolean).join(' '));
    this.status = status;
    this.code = code;
    this.what = what;
    this.kept = kept;
    this.do = advice;
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

/**
 * The failure of a request. Any other error is a defect of the page and is thrown again.
 *
 * @param {unknown} error
 * @returns {ApiError}
 */
export function asApiError(error) {
  if (error instanceof ApiError) return error;
  throw error;
}

/** @param {Response} response */
async function errorOf(response) {
  try {
    return new ApiError(response.status, (await response.json()).error);
  } catch {
    return new ApiError(response.status, { what: `The server answered with status ${response.status}.` });
  }
}

/**
 * Send a request again while the server says that too many large ones run. It has done nothing then.
 *
 * @param {() => Promise<Response>} send
 */
async function whenThereIsRoom(send) {
  const end = Date.now() + TIMEOUT;
  for (;;) {
    const response = await send();
    const seconds = Number(response.headers.get('Retry-After'));
    if (response.status !== 429 || !seconds || Date.now() + 1000 * seconds > end) return response;
    await new Promise((resolve) => { setTimeout(resolve, 1000 * seconds); });
  }
}

/**
 * Call the API.
 *
 * @param {'GET'|'POST'} method
 * @param {string} path below /api/v1/
 * @param {Blob|Object} [body] a piece of a file, or an object that is sent as JSON
 * @param {string} [key] the Idempotency-Key of a request that must count once
 * @returns {Promise<any>} the parsed answer; null if there is none. ../types.d.ts has the shapes
 * @throws {ApiError}
 */
export async function call(method, path, body, key) {
  const isFile = body instanceof Blob;
  /** @type {Record<string, string>} */
  const headers = {};
  if (body) headers['Content-Type'] = isFile ? 'application/octet-stream' : 'application/json';
  if (key) headers['Idempotency-Key'] = key;
  let response;
  try {
    response = await whenThereIsRoom(() => fetch(BASE + path, {
      method, headers, body: isFile ? body : body && JSON.stringify(body), cache: 'no-store',
      signal: AbortSignal.timeout(isFile ? FILE_TIMEOUT : TIMEOUT),
    }));
    if (response.ok) return response.status === 204 ? null : await response.json();
  } catch {
    throw new ApiError(0, { what: 'The server does not answer.' });
  }
  if (response.status === 401) document.getElementById('login-link')?.removeAttribute('hidden');
  throw await errorOf(response);
}

/** A random key. `crypto.randomUUID` exists only on https and localhost, so plain http in a lab network needs the other way. */
export function randomKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
