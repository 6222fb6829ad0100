import { screen, waitFor, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import type { Training } from '../../api/types'
import { ASSISTANT, asRole, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, page, pages, problem, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/training`
const METRICS = { accuracy: 0.934, examples: 412, intents: 18, entities: 5, seconds: 3, bytes: 2e6 }
const JOB_ID = '0190a000-0000-7000-8000-0000000000f1'
const QUEUED: Training = {
  id: '0190a000-0000-7000-8000-0000000000aa',
  job_id: null,
  assistant_id: ASSISTANT.id,
  status: 'queued',
  progress: 0,
  model: 4,
  metrics: null,
  error: null,
  created_at: '2026-01-01T10:00:00Z',
  finished_at: null,
}
const DATA = {
  [`GET ${HOME}/training-data`]: () => json({ examples: [{ text: 'a', intent: 'b' }] }),
}

test('a training is started and followed until its figures are there', async () => {
  const steps: Training[] = [
    { ...QUEUED, status: 'running', progress: 0.4 },
    { ...QUEUED, status: 'succeeded', progress: 1, metrics: METRICS },
  ]
  let now: Training | undefined
  const requests = serve({
    ...ROUTES,
    ...DATA,
    [`GET ${HOME}/trainings`]: () => {
      const answer = now ? page(now) : page()
      if (now) now = steps.shift() ?? now
      return answer
    },
    [`POST ${HOME}/trainings`]: () => {
      now = QUEUED
      return json(QUEUED, 202)
    },
  })
  const { user, container } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Start training' }))
  const bar = await screen.findByRole('progressbar')
  await waitFor(() => expect(bar).toHaveAttribute('aria-valuenow', '40'), { timeout: 5_000 })
  expect(await screen.findByText('93.4%', undefined, { timeout: 5_000 })).toBeVisible()
  const started = requests.find(({ method }) => method === 'POST')
  expect(await started?.json()).toEqual({ activate: true })
  expect(await axe(container)).toHaveNoViolations()
})

test('without data there is nothing to train, and the way to the upload is shown', async () => {
  serve(ROUTES)
  renderApp(PATH)
  expect(await screen.findByRole('link', { name: 'Upload training data' })).toBeVisible()
  expect(screen.queryByRole('button', { name: 'Start training' })).toBeNull()
})

test('a training that failed says why', async () => {
  const failed = { ...QUEUED, status: 'failed', error: 'Too few examples.' }
  serve({ ...ROUTES, ...DATA, [`GET ${HOME}/trainings`]: () => page(failed) })
  renderApp(PATH)
  expect(await screen.findByText('Too few examples.')).toBeVisible()
})

test('another model is made the one that answers', async () => {
  const model = (version: number, active: boolean) => ({
    version,
    active,
    training_id: QUEUED.id,
    metrics: METRICS,
    created_at: QUEUED.created_at,
  })
  let active = 4
  const requests = serve({
    ...ROUTES,
    ...DATA,
    [`GET ${HOME}/trainings`]: () => page({ ...QUEUED, status: 'succeeded', metrics: METRICS }),
    [`GET ${HOME}/models`]: () => page(model(3, active === 3), model(4, active === 4)),
    [`POST ${HOME}/models/3/activate`]: () => {
      active = 3
      return json(model(3, true))
    },
  })
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Activate model v3' }))
  await waitFor(() => expect(requests.some(({ url }) => url.endsWith('/activate'))).toBe(true))
  expect(await screen.findByRole('button', { name: 'Activate model v4' })).toBeVisible()
  await waitFor(() => expect(screen.getByRole('heading', { name: 'Models' })).toHaveFocus())
})

test('the model that answers stands there however old it is, and earlier ones on demand', async () => {
  const model = (version: number) => ({
    version,
    active: version === 1,
    training_id: QUEUED.id,
    metrics: METRICS,
    created_at: QUEUED.created_at,
  })
  const done = { ...QUEUED, status: 'succeeded', metrics: METRICS }
  const earlier = { ...done, id: '0190a000-0000-7000-8000-0000000000ab', model: 2 }
  serve({
    ...ROUTES,
    ...DATA,
    [`GET ${HOME}/trainings`]: pages([done], [earlier]),
    [`GET ${HOME}/models`]: pages([model(4), model(3)], [model(2), model(1)]),
  })
  const { user } = renderApp(PATH)
  const versions = (name: string) =>
    screen
      .queryAllByRole('region', { name })
      .flatMap(region => within(region).getAllByRole('rowheader'))
      .map(({ textContent }) => textContent)
  await waitFor(() => expect(versions('Models')).toEqual(['v4', 'v3', 'v1']))
  await user.click(screen.getByRole('button', { name: 'Show more: Models' }))
  await waitFor(() => expect(versions('Models')).toEqual(['v4', 'v3', 'v2', 'v1']))
  await user.click(screen.getByRole('button', { name: 'Show more: History' }))
  await waitFor(() => expect(versions('History')).toEqual(['v4', 'v2']))
  const canary = screen.getByRole('combobox', { name: 'Version of the canary' })
  expect(within(canary).getByRole('option', { name: 'v2' })).toBeInTheDocument()
})

test('a training that cannot be started says what to do', async () => {
  const refuse = () => problem(429, 'rate_limited')
  serve({ ...ROUTES, ...DATA, [`POST ${HOME}/trainings`]: refuse })
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Start training' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('Wait a moment')
})

test('a training under way is cancelled by its job, and its button waits for the end', async () => {
  let now: Training = { ...QUEUED, job_id: JOB_ID, status: 'running', progress: 0.4 }
  serve({
    ...ROUTES,
    ...DATA,
    [`GET ${HOME}/trainings`]: () => page(now),
    [`POST /api/v1/jobs/${JOB_ID}/cancel`]: () => json({ id: JOB_ID, cancel_requested: true }),
  })
  const { user, container } = renderApp(PATH)
  const button = await screen.findByRole('button', { name: 'Cancel the training' })
  await user.click(button)
  await waitFor(() => expect(button).toBeDisabled())
  expect(await axe(container)).toHaveNoViolations()
  now = { ...now, status: 'failed', error: 'Its job was cancelled.' }
  expect(await screen.findByText('Its job was cancelled.')).toBeVisible()
  expect(screen.queryByRole('button', { name: 'Cancel the training' })).toBeNull()
})

test('a training that cannot be cancelled any more says why', async () => {
  serve({
    ...ROUTES,
    ...DATA,
    [`GET ${HOME}/trainings`]: () => page({ ...QUEUED, job_id: JOB_ID }),
    [`POST /api/v1/jobs/${JOB_ID}/cancel`]: () =>
      problem(409, 'conflict', { detail: 'This job has succeeded already.' }),
  })
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Cancel the training' }))
  expect(await screen.findByText('This job has succeeded already.')).toBeVisible()
})

test('a viewer cannot cancel a training', async () => {
  const underWay = { [`GET ${HOME}/trainings`]: () => page({ ...QUEUED, job_id: JOB_ID }) }
  serve({ ...ROUTES, ...DATA, ...asRole('viewer'), ...underWay })
  renderApp(PATH)
  expect(await screen.findByRole('progressbar')).toBeVisible()
  expect(screen.queryByRole('button', { name: 'Cancel the training' })).toBeNull()
})
