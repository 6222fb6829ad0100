import { act, screen } from '@testing-library/react'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ASSISTANT, HOME, ROUTES, renderApp } from '../testing/renderApp'
import { page, problem, serve } from '../testing/server'

const TRAINING = {
  id: '0190a000-0000-7000-8000-0000000000aa',
  assistant_id: ASSISTANT.id,
  status: 'running',
  progress: 0.4,
  model: 4,
  created_at: '2026-01-01T10:00:00Z',
}

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true })
})
afterEach(() => {
  vi.useRealTimers()
})

/** How often trainings are asked for in a minute after they were refused like this, with one under way. */
async function askedAfter(refuse: () => Response): Promise<number> {
  let isRefused = false
  const requests = serve({
    ...ROUTES,
    [`GET ${HOME}/trainings`]: () => (isRefused ? refuse() : page(TRAINING)),
  })
  const asked = () => requests.filter(({ url }) => url.includes('/trainings')).length
  renderApp(`/assistants/${ASSISTANT.id}/training`)
  await screen.findByRole('progressbar')
  isRefused = true
  await screen.findAllByRole('alert')
  const before = asked()
  await act(() => vi.advanceTimersByTimeAsync(60_000))
  return asked() - before
}

test.each([
  ['gone', 404, 'not_found'],
  ['not for this user any more', 403, 'forbidden'],
])('what is %s is not asked for again and again', async (_, status, code) => {
  expect(await askedAfter(() => problem(status, code))).toBe(0)
})

test('what fails for a while is asked for again', async () => {
  expect(await askedAfter(() => problem(500, 'internal'))).toBeGreaterThan(0)
})
