/** Numbers of certificates in words. */
/** @import { Certificate } from '../types' */

/** A share for reading: "1 %", "0.5 %". @param {number} share */
export const percent = (share) => `${Number((100 * share).toPrecision(3))} %`;

/** A time for reading: "25 minutes", "1.5 hours". @param {number} seconds */
export function duration(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes === 1) return 'a minute';
  return minutes < 90 ? `${minutes} minutes` : `${(minutes / 60).toFixed(1)} hours`;
}

/** Whether a certificate still changes without anybody. @param {Certificate} certificate */
export const isRunning = ({ state }) => ['preparing', 'sampling', 'filling'].includes(state);
