/** W3C trace context, so that a trace starts in the browser. */

function hex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes))
  // An id of only zeros is invalid; its chance is 2^-64, a set bit makes it none.
  random[0] = (random[0] ?? 0) | 1
  return Array.from(random, byte => byte.toString(16).padStart(2, '0')).join('')
}

/** A new `traceparent` header, sampled. */
export function traceparent(): string {
  return `00-${hex(16)}-${hex(8)}-01`
}

/** A random key that marks one intent to create or start something. */
export function idempotencyKey(): string {
  return hex(16)
}
