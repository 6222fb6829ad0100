import { screen, waitFor, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import type { Evaluation, EvaluationResult } from '../../api/types'
import { ASSISTANT, asRole, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, page, pages, problem, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/evaluation`
const JOB_ID = '0190a000-0000-7000-8000-0000000000f1'
const QUEUED: Evaluation = {
  id: '0190a000-0000-7000-8000-0000000000aa',
  job_id: null,
  assistant_id: ASSISTANT.id,
  folds: 5,
  training_data_version: 2,
  model: null,
  status: 'queued',
  progress: 0,
  summary: null,
  error: null,
  created_at: '2026-01-01T10:00:00Z',
  finished_at: null,
}
const SUMMARY = {
  accuracy: 0.934,
  macro_f1: 0.91,
  weighted_f1: 0.93,
  entity_f1: 0.67,
  calibration_error: 0.02,
  examples: 412,
  left_out: 1,
  mistakes: 3,
}
const RESULT: EvaluationResult = {
  ...SUMMARY,
  intents: [
    { intent: null, precision: null, recall: 0, f1: 0, support: 1 },
    { intent: 'greet', precision: 0.8, recall: 0.9, f1: 0.85, support: 10 },
    { intent: 'bye', precision: 0.7, recall: 1, f1: 0.82, support: 9 },
  ],
  confusion: [
    { expected: 'greet', predicted: 'greet', count: 8 },
    { expected: 'greet', predicted: 'bye', count: 2 },
    { expected: null, predicted: 'greet', count: 1 },
  ],
  entities: [{ entity: 'city', precision: 0.5, recall: 1, f1: 0.67, support: 4 }],
  wrong: [
    { text: 'hey there', expected: 'greet', predicted: 'bye', confidence: 0.8 },
    { text: 'will it rain', expected: null, predicted: 'greet', confidence: 0.6 },
    { text: 'so long', expected: 'greet', predicted: 'bye', confidence: 0.5 },
  ],
}
const DONE: Evaluation = { ...QUEUED, status: 'succeeded', progress: 1, summary: SUMMARY }
const MEASURED = {
  ...ROUTES,
  [`GET ${HOME}/evaluations`]: () => page(DONE),
  [`GET /api/v1/evaluations/${DONE.id}`]: () => json({ ...DONE, result: RESULT }),
}

test('earlier evaluations come page by page', async () => {
  const number = (end: number) => ({ ...DONE, id: DONE.id.replace(/aa$/, String(10 + end)) })
  serve({ ...MEASURED, [`GET ${HOME}/evaluations`]: pages([number(1), number(2)], [number(3)]) })
  const { user } = renderApp(PATH)
  const results = () => screen.getAllByRole('button', { name: /^Show the result/ })
  await user.click(await screen.findByRole('button', { name: 'Show more: Earlier measurements' }))
  await waitFor(() => expect(results()).toHaveLength(2))
})

test('a cross-validation is started and followed until its findings are there', async () => {
  const steps: Evaluation[] = [{ ...QUEUED, status: 'running', progress: 0.4 }, DONE]
  let now: Evaluation | undefined
  const requests = serve({
    ...MEASURED,
    [`GET ${HOME}/evaluations`]: () => {
      const answer = now ? page(now) : page()
      if (now) now = steps.shift() ?? now
      return answer
    },
    [`POST ${HOME}/evaluations`]: () => {
      now = QUEUED
      return json(QUEUED, 202)
    },
  })
  const { user, container } = renderApp(PATH)
  await user.selectOptions(await screen.findByRole('combobox', { name: 'Parts' }), '10')
  await user.click(screen.getByRole('button', { name: 'Start cross-validation' }))
  const bar = await screen.findByRole('progressbar')
  await waitFor(() => expect(bar).toHaveAttribute('aria-valuenow', '40'), { timeout: 5_000 })
  expect(await screen.findByText('93.4%', undefined, { timeout: 5_000 })).toBeVisible()
  expect(screen.getByText('F1, entities').nextSibling).toHaveTextContent('67%')
  expect(screen.getByText(/1 utterance is left out/)).toBeVisible()
  const started = requests.find(({ method }) => method === 'POST')
  expect(await started?.json()).toEqual({ folds: 10 })
  expect(await axe(container)).toHaveNoViolations()
})

test('a cell of the matrix leads to its utterances, and back to all', async () => {
  serve(MEASURED)
  const { user } = renderApp(PATH)
  const cell = await screen.findByRole('button', { name: 'greet answered as bye: 2 utterances' })
  expect(screen.getByText('will it rain')).toBeVisible()
  await user.click(cell)
  expect(cell).toHaveAttribute('aria-pressed', 'true')
  expect(screen.getByText('hey there')).toBeVisible()
  expect(screen.getByText('so long')).toBeVisible()
  expect(screen.queryByText('will it rain')).toBeNull()
  expect(screen.getByRole('heading', { name: 'Mistakes' })).toHaveFocus()
  await user.click(screen.getByRole('button', { name: 'Show all mistakes' }))
  expect(screen.getByText('will it rain')).toBeVisible()
})

/** A result in which one label looks wrong. */
const SUSPECT: EvaluationResult = {
  ...RESULT,
  suspects: 1,
  wrong: RESULT.wrong.map(answer => ({ ...answer, suspect: answer.text === 'hey there' })),
}

test('labels that look wrong are counted, marked, shown alone, and lead to their examples', async () => {
  serve({
    ...MEASURED,
    [`GET /api/v1/evaluations/${DONE.id}`]: () => json({ ...DONE, result: SUSPECT }),
    [`GET ${HOME}/training-data`]: () =>
      json({ examples: ['hey there', 'hello'].map(text => ({ text, intent: 'greet' })) }),
  })
  const { user, container } = renderApp(PATH)
  const figure = (await screen.findByText('Doubtful labels')).closest('div')
  expect(figure).toHaveTextContent('Doubtful labels1')
  const mistakes = within(screen.getByRole('region', { name: 'Mistakes' }))
  expect(mistakes.getAllByText('label doubtful')).toHaveLength(1)
  await user.click(mistakes.getByRole('switch', { name: 'Only where the label looks wrong' }))
  expect(mistakes.queryByText('will it rain')).toBeNull()
  expect(await axe(container)).toHaveNoViolations()
  await user.click(mistakes.getByRole('link', { name: 'Look at the example “hey there”' }))
  expect(await screen.findByRole('searchbox', { name: 'Find an example' })).toHaveValue('hey there')
  const examples = within(screen.getByRole('list', { name: 'Examples' }))
  expect(examples.getByText('hey there')).toBeVisible()
  expect(examples.queryByText('hello')).toBeNull()
})

test('a label of a set is marked too, but it stands among no examples', async () => {
  const asked = { ...DONE, folds: null, model: 3 }
  serve({
    ...MEASURED,
    [`GET ${HOME}/evaluations`]: () => page(asked),
    [`GET /api/v1/evaluations/${DONE.id}`]: () => json({ ...asked, result: SUSPECT }),
  })
  renderApp(PATH)
  expect(await screen.findByText('label doubtful')).toBeVisible()
  expect(screen.queryByRole('link', { name: /^Look at the example/ })).toBeNull()
})

test('a result of an earlier release has no doubtful labels', async () => {
  serve(MEASURED)
  renderApp(PATH)
  const figure = (await screen.findByText('Doubtful labels')).closest('div')
  expect(figure).toHaveTextContent('Doubtful labels0')
  expect(screen.queryByRole('switch')).toBeNull()
})

test('scores are sorted by the column that is pressed', async () => {
  serve(MEASURED)
  const { user } = renderApp(PATH)
  const table = await screen.findByRole('group', { name: 'Intents' })
  const names = () =>
    within(table)
      .getAllByRole('rowheader')
      .map(row => row.textContent)
  expect(names()).toEqual(['out of scope', 'bye', 'greet'])
  await user.click(within(table).getByRole('button', { name: 'Precision' }))
  expect(names()).toEqual(['bye', 'greet', 'out of scope'])
  const heading = within(table).getByRole('columnheader', { name: 'Precision' })
  expect(heading).toHaveAttribute('aria-sort', 'ascending')
})

test('a file is asked of the chosen model as its author wrote it', async () => {
  const model = { version: 2, active: false, training_id: DONE.id, created_at: DONE.created_at }
  const metrics = { accuracy: 1, examples: 2, intents: 2, entities: 0, seconds: 1, bytes: 1 }
  const requests = serve({
    ...ROUTES,
    [`GET ${HOME}/models`]: () => page({ ...model, metrics }),
    [`POST ${HOME}/evaluations`]: () => json({ ...QUEUED, folds: null, model: 2 }, 202),
  })
  const { user, container } = renderApp(PATH)
  const asked = await screen.findByRole('combobox', { name: 'Ask model' })
  await waitFor(() => expect(within(asked).getByRole('option', { name: 'v2' })).toBeVisible())
  await user.selectOptions(asked, 'v2')
  const input = container.ownerDocument.querySelector<HTMLInputElement>('input[type=file]')
  if (!input) throw new Error('no file input')
  await user.upload(input, new File(['text,intent\nhi,greet\n'], 'set.csv'))
  await waitFor(() => expect(requests.some(({ method }) => method === 'POST')).toBe(true))
  const sent = requests.find(({ method }) => method === 'POST')
  expect(sent?.headers.get('content-type')).toBe('text/csv')
  expect(new URL(sent?.url ?? '').search).toBe('?model=2')
  expect(await sent?.text()).toBe('text,intent\nhi,greet\n')
})

test('models that cannot be asked for are not taken for none', async () => {
  let isUp = false
  serve({
    ...MEASURED,
    [`GET ${HOME}`]: () => json({ ...ASSISTANT, active_model: null }),
    [`GET ${HOME}/models`]: () => (isUp ? page() : problem(429, 'rate_limited')),
  })
  const { user } = renderApp(PATH)
  const alert = await screen.findByRole('alert')
  expect(screen.queryByText(/Train a model first/)).toBeNull()
  isUp = true
  await user.click(within(alert).getByRole('button', { name: 'Try again' }))
  expect(await screen.findByText(/Train a model first/)).toBeVisible()
})

test('what is wrong in a file is shown with its line', async () => {
  const errors = [{ line: 2, column: 1, message: 'expected 2 columns, found 3' }]
  serve({ ...ROUTES, [`POST ${HOME}/evaluations`]: () => problem(422, 'invalid', { errors }) })
  const { user, container } = renderApp(PATH)
  await screen.findByRole('combobox', { name: 'Ask model' })
  const input = container.ownerDocument.querySelector<HTMLInputElement>('input[type=file]')
  if (!input) throw new Error('no file input')
  await user.upload(input, new File(['text,intent\na,b,c\n'], 'set.csv'))
  expect(await screen.findByRole('alert')).toHaveTextContent('set.csv: 1 place to mend')
})

test('an evaluation that failed says why, and an earlier result can be shown', async () => {
  const failed = { ...QUEUED, id: `${DONE.id.slice(0, -2)}bb`, status: 'failed', error: 'Too few.' }
  serve({ ...MEASURED, [`GET ${HOME}/evaluations`]: () => page(failed, DONE) })
  const { user } = renderApp(PATH)
  expect(await screen.findByText('Too few.')).toBeVisible()
  await user.click(screen.getByRole('button', { name: /^Show the result of/ }))
  expect(await screen.findByText('hey there')).toBeVisible()
})

test('a viewer sees results and starts nothing', async () => {
  serve({ ...MEASURED, ...asRole('viewer') })
  const { container } = renderApp(PATH)
  expect(await screen.findByText('hey there')).toBeVisible()
  expect(screen.queryByRole('button', { name: 'Start cross-validation' })).toBeNull()
  expect(await axe(container)).toHaveNoViolations()
})

test('an evaluation under way is cancelled by its job, and its button waits for the end', async () => {
  let now: Evaluation = { ...QUEUED, job_id: JOB_ID, status: 'running', progress: 0.4 }
  serve({
    ...MEASURED,
    [`GET ${HOME}/evaluations`]: () => page(now),
    [`POST /api/v1/jobs/${JOB_ID}/cancel`]: () => json({ id: JOB_ID, cancel_requested: true }),
  })
  const { user, container } = renderApp(PATH)
  const button = await screen.findByRole('button', { name: 'Cancel the evaluation' })
  await user.click(button)
  await waitFor(() => expect(button).toBeDisabled())
  expect(await axe(container)).toHaveNoViolations()
  now = { ...now, status: 'failed', error: 'Its job was cancelled.' }
  expect(await screen.findByText('Its job was cancelled.')).toBeVisible()
  expect(screen.queryByRole('button', { name: 'Cancel the evaluation' })).toBeNull()
})

test('an evaluation that cannot be cancelled any more says why', async () => {
  serve({
    ...MEASURED,
    [`GET ${HOME}/evaluations`]: () => page({ ...QUEUED, job_id: JOB_ID }),
    [`POST /api/v1/jobs/${JOB_ID}/cancel`]: () =>
      problem(409, 'conflict', { detail: 'This job has succeeded already.' }),
  })
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Cancel the evaluation' }))
  expect(await screen.findByText('This job has succeeded already.')).toBeVisible()
})

test('a viewer cannot cancel an evaluation', async () => {
  const underWay = { [`GET ${HOME}/evaluations`]: () => page({ ...QUEUED, job_id: JOB_ID }) }
  serve({ ...MEASURED, ...asRole('viewer'), ...underWay })
  renderApp(PATH)
  expect(await screen.findByRole('progressbar')).toBeVisible()
  expect(screen.queryByRole('button', { name: 'Cancel the evaluation' })).toBeNull()
})
