import { beforeEach, expect, test, vi } from 'vitest'
import { forgetSession, freshToken, isSignedIn, keepSession, onSessionChange } from './session'
import type { Session } from './types'

const granted = (name: string, expiresIn = 900): Session => ({
  access_token: `access-${name}`,
  refresh_token: `refresh-${name}`,
  expires_in: expiresIn,
})

beforeEach(() => localStorage.clear())

test('a fresh token is used as it is', async () => {
  keepSession(granted('a'))
  const renew = vi.fn()
  expect(await freshToken(renew)).toBe('access-a')
  expect(renew).not.toHaveBeenCalled()
})

test('a token about to expire is renewed with its refresh token', async () => {
  keepSession(granted('a', 5))
  const renew = vi.fn().mockResolvedValue(granted('b'))
  expect(await freshToken(renew)).toBe('access-b')
  expect(renew).toHaveBeenCalledExactlyOnceWith('refresh-a')
})

test('many calls at once spend the refresh token once', async () => {
  keepSession(granted('a', 5))
  const renew = vi.fn().mockResolvedValue(granted('b'))
  const tokens = await Promise.all([1, 2, 3].map(() => freshToken(renew)))
  expect(tokens).toEqual(['access-b', 'access-b', 'access-b'])
  expect(renew).toHaveBeenCalledOnce()
})

test('a refused token is renewed although it looks good', async () => {
  keepSession(granted('a'))
  const renew = vi.fn().mockResolvedValue(granted('b'))
  expect(await freshToken(renew, 'access-a')).toBe('access-b')
})

test('a refused refresh token signs out', async () => {
  keepSession(granted('a', 5))
  const listener = vi.fn()
  const stop = onSessionChange(listener)
  expect(await freshToken(async () => undefined)).toBeUndefined()
  expect(isSignedIn()).toBe(false)
  expect(listener).toHaveBeenCalledOnce()
  stop()
})

test('an outage while renewing signs nobody out', async () => {
  keepSession(granted('a', 5))
  await expect(freshToken(() => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect(isSignedIn()).toBe(true)
})

test('nobody signed in has no token', async () => {
  forgetSession()
  expect(await freshToken(vi.fn())).toBeUndefined()
})
