import { act, screen, waitFor, within } from '@testing-library/react'
import { afterEach, expect, test, vi } from 'vitest'
import { axe } from 'vitest-axe'
import type { Rollout, Understood } from '../../api/types'
import { ASSISTANT, asRole, HOME, NOTHING_TRIED, ROUTES, renderApp } from '../../testing/renderApp'
import { json, page, problem, type Routes, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/training`
const AT = '2026-01-01T10:00:00Z'
const METRICS = { accuracy: 0.934, examples: 412, intents: 18, entities: 5, seconds: 3, bytes: 2e6 }
const TRAINING = {
  id: '0190a000-0000-7000-8000-0000000000aa',
  assistant_id: ASSISTANT.id,
  status: 'succeeded',
  progress: 1,
  model: 5,
  metrics: METRICS,
  created_at: AT,
}
const model = (version: number) => ({
  version,
  active: version === 3,
  training_id: TRAINING.id,
  metrics: METRICS,
  created_at: AT,
})
const TRAINED: Routes = {
  ...ROUTES,
  [`GET ${HOME}/trainings`]: () => page(TRAINING),
  [`GET ${HOME}/models`]: () => page(model(3), model(4), model(5)),
}
const understood = (name: string | null, city?: string): Understood => ({
  intent: { name, confidence: 0.8 },
  entities: city
    ? [{ entity: 'city', role: 'to', start: 0, end: 1, value: city, confidence: 1, extractor: 'm' }]
    : [],
})
const TRIED: Rollout = {
  active_model: 3,
  canary: { version: 4, weight: 10 },
  shadow: { version: 5 },
  seen: {
    active: { total: 900, out_of_scope: 90 },
    canary: { total: 100, out_of_scope: 5 },
    shadow: {
      agreed: 190,
      disagreed: 10,
      disagreements: [
        { text: 'off to Corfu', at: AT, active: understood(null), shadow: understood('travel') },
        {
          text: 'to Chios',
          at: AT,
          active: understood('travel'),
          shadow: understood('travel', 'Chios'),
        },
      ],
    },
  },
}

/** The training page where this is tried; what is put becomes what is. */
async function openRollout(rollout: Rollout, routes: Routes = {}) {
  let now = rollout
  const requests = serve({
    ...TRAINED,
    [`GET ${HOME}/rollout`]: () => json(now),
    [`PUT ${HOME}/rollout`]: async request => {
      now = { ...now, canary: null, shadow: null, ...(await request.json()) }
      return json(now)
    },
    ...routes,
  })
  const { user, container } = renderApp(PATH)
  const card = within(await screen.findByRole('region', { name: 'Canary and shadow' }))
  const put = async () => requests.find(({ method }) => method === 'PUT')?.json()
  return { user, container, card, requests, put }
}

afterEach(() => vi.useRealTimers())

test('a canary is started with its share of the conversations', async () => {
  const { user, container, card, put } = await openRollout(NOTHING_TRIED)
  const choice = await card.findByRole('combobox', { name: 'Version of the canary' })
  expect(card.getByRole('button', { name: 'Start the canary' })).toBeDisabled()
  expect(within(choice).queryByRole('option', { name: 'v3' })).toBeNull()
  await user.selectOptions(choice, 'v4')
  const weight = card.getByLabelText('Share of the conversations (%)')
  await user.clear(weight)
  await user.type(weight, '25')
  await user.click(card.getByRole('button', { name: 'Start the canary' }))
  expect(await card.findByText('Model v4 answers 25% of the conversations.')).toBeVisible()
  expect(await put()).toEqual({ canary: { version: 4, weight: 25 }, shadow: null })
  expect(card.getByText(/^Nothing yet/)).toBeVisible()
  expect(await axe(container)).toHaveNoViolations()
})

test('another weight leaves the shadow as it is', async () => {
  const { user, card, put } = await openRollout(TRIED)
  const change = await card.findByRole('button', { name: 'Change the canary' })
  expect(change).toBeDisabled()
  const weight = card.getByLabelText('Share of the conversations (%)')
  await user.clear(weight)
  await user.type(weight, '50')
  await user.click(change)
  expect(await card.findByText('Model v4 answers 50% of the conversations.')).toBeVisible()
  expect(await put()).toEqual({ canary: { version: 4, weight: 50 }, shadow: { version: 5 } })
})

test('what somebody else has begun or ended meanwhile stays so', async () => {
  let now = TRIED
  const { user, card, requests } = await openRollout(TRIED, {
    [`GET ${HOME}/rollout`]: () => json(now),
    [`PUT ${HOME}/rollout`]: async request => {
      now = { ...now, ...(await request.json()) }
      return json(now)
    },
  })
  const end = await card.findByRole('button', { name: 'End the canary' })
  now = { ...TRIED, shadow: null }
  await user.click(end)
  expect(await card.findByText('There is no canary.')).toBeVisible()
  now = { ...now, canary: { version: 4, weight: 30 } }
  await user.selectOptions(card.getByRole('combobox', { name: 'Version of the shadow' }), 'v5')
  await user.click(card.getByRole('button', { name: 'Start the shadow' }))
  expect(await card.findByText('Model v4 answers 30% of the conversations.')).toBeVisible()
  const puts = requests.filter(({ method }) => method === 'PUT')
  expect(await Promise.all(puts.map(put => put.json()))).toEqual([
    { canary: null, shadow: null },
    { canary: { version: 4, weight: 30 }, shadow: { version: 5 } },
  ])
})

test('what somebody else begins to try comes into sight by itself', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true })
  let now = NOTHING_TRIED
  const { card } = await openRollout(NOTHING_TRIED, {
    [`GET ${HOME}/rollout`]: () => json(now),
  })
  await card.findByText('There is no shadow.')
  now = { ...NOTHING_TRIED, shadow: { version: 5 } }
  await act(() => vi.advanceTimersByTimeAsync(10_000))
  expect(await card.findByText('Model v5 is asked as well.')).toBeVisible()
})

test('a shadow that becomes the canary is no shadow any more', async () => {
  const { user, card, put } = await openRollout({ ...TRIED, canary: null })
  await user.selectOptions(
    await card.findByRole('combobox', { name: 'Version of the canary' }),
    'v5',
  )
  await user.click(card.getByRole('button', { name: 'Start the canary' }))
  expect(await card.findByText('There is no shadow.')).toBeVisible()
  expect(await put()).toEqual({ canary: { version: 5, weight: 10 }, shadow: null })
})

test('a canary is ended, and the shadow goes on', async () => {
  const { user, card, put } = await openRollout(TRIED)
  await user.click(await card.findByRole('button', { name: 'End the canary' }))
  expect(await card.findByText('There is no canary.')).toBeVisible()
  expect(await put()).toEqual({ canary: null, shadow: { version: 5 } })
})

test('a shadow is started, and ended', async () => {
  const { user, card, put } = await openRollout(NOTHING_TRIED)
  await user.selectOptions(
    await card.findByRole('combobox', { name: 'Version of the shadow' }),
    'v5',
  )
  await user.click(card.getByRole('button', { name: 'Start the shadow' }))
  expect(await card.findByText('Model v5 is asked as well.')).toBeVisible()
  expect(await put()).toEqual({ canary: null, shadow: { version: 5 } })
  await user.click(card.getByRole('button', { name: 'End the shadow' }))
  expect(await card.findByText('There is no shadow.')).toBeVisible()
})

test('a canary is promoted by activating its version, which ends it', async () => {
  let isPromoted = false
  const { user, card } = await openRollout(TRIED, {
    [`GET ${HOME}/rollout`]: () =>
      json(isPromoted ? { ...TRIED, active_model: 4, canary: null } : TRIED),
    [`POST ${HOME}/models/4/activate`]: () => {
      isPromoted = true
      return json({ ...model(4), active: true })
    },
  })
  await user.click(await card.findByRole('button', { name: 'Promote v4' }))
  expect(await screen.findByText('Model v4 answers from now on.')).toBeVisible()
  expect(await card.findByText('There is no canary.')).toBeVisible()
})

test('what was seen is shown, with what both versions made of an utterance', async () => {
  const { container, card } = await openRollout(TRIED)
  const answers = within(await card.findByRole('table', { name: 'Answers' }))
  expect(answers.getByRole('row', { name: /Active, v3/ })).toHaveTextContent('10%')
  expect(answers.getByRole('row', { name: /Canary, v4/ })).toHaveTextContent('5%')
  expect(card.getByText('95%')).toBeVisible()
  const differing = within(card.getByRole('table', { name: /understood differently/ }))
  const row = differing.getByRole('row', { name: /off to Corfu/ })
  expect(row).toHaveTextContent('out of scope, 80% sure')
  expect(row).toHaveTextContent('travel, 80% sure')
  expect(differing.getByRole('row', { name: /to Chios/ })).toHaveTextContent('city · to: Chios')
  expect(await axe(container)).toHaveNoViolations()
})

test('where utterances are not collected, it says why none is shown', async () => {
  const shadow = { agreed: 1, disagreed: 1, disagreements: [] }
  const { card } = await openRollout({ ...TRIED, seen: { ...TRIED.seen, shadow } })
  expect(await card.findByText(/kept only where the assistant collects/)).toBeVisible()
})

test('what was seen is asked for again while something is tried', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true })
  let total = 100
  const { card } = await openRollout(TRIED, {
    [`GET ${HOME}/rollout`]: () =>
      json({ ...TRIED, seen: { ...TRIED.seen, canary: { total: total++, out_of_scope: 0 } } }),
  })
  await card.findByRole('row', { name: /Canary, v4 100/ })
  await act(() => vi.advanceTimersByTimeAsync(10_000))
  expect(await card.findByRole('row', { name: /Canary, v4 101/ })).toBeVisible()
})

test('with one model it says what is needed first', async () => {
  const { card } = await openRollout(NOTHING_TRIED, {
    [`GET ${HOME}/models`]: () => page(model(3)),
  })
  expect(await card.findByText(/^Needed are two models/)).toBeVisible()
  expect(card.queryByRole('button')).toBeNull()
})

test('a viewer sees what is tried and changes nothing', async () => {
  const { card } = await openRollout(TRIED, asRole('viewer'))
  expect(await card.findByText('Model v4 answers 10% of the conversations.')).toBeVisible()
  expect(card.getByText('off to Corfu')).toBeVisible()
  expect(card.queryByRole('button')).toBeNull()
  expect(card.queryByRole('combobox')).toBeNull()
})

test('a version that cannot be tried is refused with the reason', async () => {
  const errors = [{ pointer: '/canary/version', message: 'is the active version already' }]
  const { user, card } = await openRollout(NOTHING_TRIED, {
    [`PUT ${HOME}/rollout`]: () => problem(422, 'invalid', { errors }),
  })
  await user.selectOptions(
    await card.findByRole('combobox', { name: 'Version of the canary' }),
    'v4',
  )
  await user.click(card.getByRole('button', { name: 'Start the canary' }))
  await waitFor(() => expect(card.getByRole('alert')).toHaveTextContent('/canary/version'))
  expect(card.getByRole('alert')).toHaveTextContent('is the active version already')
})
