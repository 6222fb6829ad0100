/** The typed client of the API: access token, trace context, idempotency and problems in one place. */
import createClient from 'openapi-fetch'
import { asProblem, problemFrom } from './problem'
import type { paths } from './schema'
import { freshToken, keepSession, type Renew } from './session'
import { idempotencyKey, traceparent } from './trace'
import type { Session } from './types'

/** No call may wait for ever; the gateway's own limit is shorter. */
const TIMEOUT_MS = 30_000
/** A large file goes out slowly over a slow line. */
const UPLOAD_TIMEOUT_MS = 120_000

async function send(request: Request): Promise<Response> {
  request.headers.set('traceparent', traceparent())
  if (request.method === 'POST' && !request.headers.has('Idempotency-Key')) {
    request.headers.set('Idempotency-Key', idempotencyKey())
  }
  const limit = request.url.includes('/imports') ? UPLOAD_TIMEOUT_MS : TIMEOUT_MS
  try {
    return await fetch(request, { signal: AbortSignal.timeout(limit) })
  } catch (error) {
    throw asProblem(error)
  }
}

const renew: Renew = async refreshToken => {
  const response = await send(
    new Request(new URL('/api/v1/sessions/refresh', location.origin), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ refresh_token: refreshToken }),
    }),
  )
  if (response.ok) return (await response.json()) as Session
  const problem = problemFrom(response, await response.json().catch(() => undefined))
  // Only a refused token ends the session; an outage must not sign anybody out.
  if (problem.code === 'unauthenticated' || problem.code === 'invalid') return undefined
  throw problem
}

/** Sends with the access token; a refused one is renewed once and the request repeated. */
async function sendAuthorized(request: Request): Promise<Response> {
  const again = request.clone()
  const token = await freshToken(renew)
  if (token) request.headers.set('Authorization', `Bearer ${token}`)
  const response = await send(request)
  if (response.status !== 401 || !token) return response

  const renewed = await freshToken(renew, token)
  if (!renewed) return response
  again.headers.set('Authorization', `Bearer ${renewed}`)
  const key = request.headers.get('Idempotency-Key')
  if (key) again.headers.set('Idempotency-Key', key)
  return send(again)
}

/** Calls to the API by path and method; see `unwrap`. */
export const api = createClient<paths>({
  // Absolute, because `Request` outside a browser page knows no base.
  baseUrl: location.origin,
  fetch: sendAuthorized,
})

/** An access token for what cannot send headers (the WebSocket). */
export const accessToken = () => freshToken(renew)

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The data of an answer, or its problem thrown. */
export async function unwrap<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer
  if (!response.ok) throw problemFrom(response, error)
  return data as T
}

async function keepGranted(path: string, body: object) {
  const headers = { 'Content-Type': 'application/json' }
  const url = new URL(path, location.origin)
  const response = await send(
    new Request(url, { method: 'POST', headers, body: JSON.stringify(body) }),
  )
  const answer: unknown = await response.json().catch(() => undefined)
  if (!response.ok) throw problemFrom(response, answer)
  keepSession(answer as Session)
}

/** Signs in and keeps the session. */
export const signIn = (email: string, password: string) =>
  keepGranted('/api/v1/sessions', { email, password })

/** Signs in with what the provider gave, and keeps the session. */
export const signInWithCode = (code: string, state: string, ticket: string) =>
  keepGranted('/api/v1/oidc/sessions', { code, state, ticket })
