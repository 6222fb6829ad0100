import { beforeEach, expect, test } from 'vitest'
import { json, problem, serve } from '../testing/server'
import { api, signIn, unwrap } from './client'
import { asProblem } from './problem'
import { isSignedIn, keepSession } from './session'

const GRANTED = { access_token: 'first', refresh_token: 'refresh', expires_in: 900 }
const me = () => unwrap(api.GET('/api/v1/me'))

beforeEach(() => keepSession(GRANTED))

test('every request carries the token and begins a trace', async () => {
  const requests = serve({ 'GET /api/v1/me': () => json({}) })
  await me()
  const { headers } = requests[0] as Request
  expect(headers.get('authorization')).toBe('Bearer first')
  expect(headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
})

test('two requests are two traces', async () => {
  const requests = serve({ 'GET /api/v1/me': () => json({}) })
  await me()
  await me()
  const [first, second] = requests.map(request => request.headers.get('traceparent'))
  expect(first).not.toBe(second)
})

test('a refused token is renewed and the request repeated with the same idempotency key', async () => {
  const requests = serve({
    'POST /api/v1/assistants': request =>
      request.headers.get('authorization') === 'Bearer second'
        ? json({ id: 'a' }, 201)
        : problem(401, 'unauthenticated'),
    'POST /api/v1/sessions/refresh': () => json({ ...GRANTED, access_token: 'second' }),
  })
  await unwrap(api.POST('/api/v1/assistants', { body: { name: 'x' } }))
  const creations = requests.filter(request => request.url.endsWith('/assistants'))
  const keys = creations.map(request => request.headers.get('idempotency-key'))
  expect(creations).toHaveLength(2)
  expect(keys[0]).toBeTruthy()
  expect(keys[0]).toBe(keys[1])
  expect(await creations[1]?.json()).toEqual({ name: 'x' })
})

test('a refresh token that is no longer good signs out', async () => {
  serve({
    'GET /api/v1/me': () => problem(401, 'unauthenticated'),
    'POST /api/v1/sessions/refresh': () => problem(401, 'unauthenticated'),
  })
  await expect(me()).rejects.toMatchObject({ code: 'unauthenticated' })
  expect(isSignedIn()).toBe(false)
})

test('a problem is thrown with its code, detail and trace', async () => {
  serve({
    'GET /api/v1/me': () => problem(503, 'unavailable', { detail: 'Later.', trace_id: 'abc' }),
  })
  const error = asProblem(await me().catch((thrown: unknown) => thrown))
  expect(error).toMatchObject({ code: 'unavailable', message: 'Later.' })
  expect(error.problem?.trace_id).toBe('abc')
})

test('a page of a proxy in between goes by its status', async () => {
  serve({ 'GET /api/v1/me': () => new Response('<h1>Bad gateway</h1>', { status: 502 }) })
  await expect(me()).rejects.toMatchObject({ code: 'unavailable', problem: undefined })
})

test('no answer at all is a network problem', async () => {
  serve({ 'GET /api/v1/me': () => Promise.reject(new TypeError('Failed to fetch')) })
  await expect(me()).rejects.toMatchObject({ code: 'network' })
})

test('a sign-in keeps the session that it is granted', async () => {
  localStorage.clear()
  serve({ 'POST /api/v1/sessions': () => json(GRANTED) })
  await signIn('ada@example.org', 'secret')
  expect(isSignedIn()).toBe(true)
})
