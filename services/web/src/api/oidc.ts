/**
 * Signing in through a provider: the browser leaves for it, and comes back with a code.
 *
 * The ticket of the sign-in that has begun stays in this tab: a code that somebody else was given,
 * and a link that leads here with it, sign nobody in.
 */
const KEY = 'stoa.oidc'

interface Begun {
  ticket: string
  /** Where to go once signed in. */
  redirect: string
}

export function leaveFor(url: string, begun: Begun) {
  sessionStorage.setItem(KEY, JSON.stringify(begun))
  location.assign(url)
}

/** What was begun in this tab; it is good for one return. */
export function takeBegun(): Begun | undefined {
  const text = sessionStorage.getItem(KEY)
  sessionStorage.removeItem(KEY)
  try {
    return text ? (JSON.parse(text) as Begun) : undefined
  } catch {
    return undefined
  }
}
