/**
 * The signed-in session: kept in local storage, shared by all tabs, renewed before it expires.
 *
 * A refresh token is good for one use, so two tabs must not spend the same one: renewing happens
 * under a lock that spans tabs, and whoever gets the lock second finds the new session in storage.
 */
import type { Session } from './types'

const KEY = 'stoa.session'
/** Renewed this long before it expires, so that no request leaves with a token about to die. */
const MARGIN_MS = 30_000

interface StoredSession {
  accessToken: string
  refreshToken: string
  expiresAt: number
}

type Listener = () => void
const listeners = new Set<Listener>()

function read(): StoredSession | undefined {
  try {
    const text = localStorage.getItem(KEY)
    return text ? (JSON.parse(text) as StoredSession) : undefined
  } catch {
    return undefined
  }
}

function notify() {
  for (const listener of listeners) listener()
}

/** Keeps a session that the API has granted. */
export function keepSession(session: Session) {
  const stored: StoredSession = {
    accessToken: session.access_token,
    refreshToken: session.refresh_token,
    expiresAt: Date.now() + session.expires_in * 1000,
  }
  localStorage.setItem(KEY, JSON.stringify(stored))
  notify()
}

/** Forgets the session; who listens then shows the sign-in. */
export function forgetSession() {
  localStorage.removeItem(KEY)
  notify()
}

export function isSignedIn(): boolean {
  return read() !== undefined
}

/** Calls `listener` when the session appears, is renewed or goes away, in this tab or another. */
export function onSessionChange(listener: Listener): () => void {
  const onStorage = (event: StorageEvent) => {
    if (event.key === KEY || event.key === null) listener()
  }
  listeners.add(listener)
  window.addEventListener('storage', onStorage)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('storage', onStorage)
  }
}

/** Where a new session comes from; undefined when the refresh token is no longer good. */
export type Renew = (refreshToken: string) => Promise<Session | undefined>

/** An access token that is good for some time yet; `rejected` is one that the API has refused. */
export async function freshToken(renew: Renew, rejected?: string): Promise<string | undefined> {
  const usable = (session: StoredSession) =>
    session.accessToken !== rejected && session.expiresAt - MARGIN_MS > Date.now()

  const session = read()
  if (!session || usable(session)) return session?.accessToken
  return withLock(async () => {
    const latest = read()
    if (!latest || usable(latest)) return latest?.accessToken
    const renewed = await renew(latest.refreshToken)
    if (renewed) keepSession(renewed)
    else forgetSession()
    return renewed?.access_token
  })
}

let inThisTab: Promise<unknown> = Promise.resolve()

/** Locks across tabs where the browser can (secure contexts), else within this tab. */
async function withLock<T>(work: () => Promise<T>): Promise<T> {
  if (navigator.locks) return await navigator.locks.request(KEY, work)
  const next = inThisTab.then(work, work)
  inThisTab = next.catch(() => undefined)
  return await next
}
