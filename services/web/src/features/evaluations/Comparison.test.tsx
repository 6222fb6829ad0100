import { screen, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import type { Evaluation, EvaluationResult } from '../../api/types'
import { ASSISTANT, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, page, problem, type Routes, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/evaluation`

const OLD: Evaluation = {
  id: '0190a000-0000-7000-8000-0000000000aa',
  assistant_id: ASSISTANT.id,
  folds: 5,
  training_data_version: 2,
  model: null,
  status: 'succeeded',
  progress: 1,
  created_at: '2026-01-01T10:00:00Z',
  finished_at: '2026-01-01T10:01:00Z',
}
const NEW: Evaluation = {
  ...OLD,
  id: '0190a000-0000-7000-8000-0000000000bb',
  created_at: '2026-01-02T10:00:00Z',
  finished_at: '2026-01-02T10:01:00Z',
}
const OLD_RESULT: EvaluationResult = {
  accuracy: 0.8,
  macro_f1: 0.75,
  weighted_f1: 0.78,
  calibration_error: 0.02,
  examples: 10,
  left_out: 0,
  mistakes: 2,
  intents: [
    { intent: 'greet', f1: 0.5, support: 5 },
    { intent: 'bye', f1: 0.9, support: 5 },
  ],
  confusion: [],
  entities: [],
  wrong: [
    { text: 'hey there', expected: 'greet', predicted: 'bye', confidence: 0.8 },
    { text: 'so long', expected: 'bye', predicted: 'greet', confidence: 0.5 },
  ],
}
const NEW_RESULT: EvaluationResult = {
  ...OLD_RESULT,
  accuracy: 0.821,
  entity_f1: 0.75,
  calibration_error: 0.05,
  intents: [
    { intent: 'greet', f1: 0.75, support: 5 },
    { intent: 'bye', f1: 0.9, support: 5 },
  ],
  wrong: [
    { text: 'hey there', expected: 'greet', predicted: 'bye', confidence: 0.8 },
    { text: 'see you', expected: 'bye', predicted: null, confidence: 0.4 },
  ],
}

/** The comparison of the newer evaluation, which is shown, with the older one. */
async function compare(
  older: Partial<Evaluation> & { result?: EvaluationResult } = {},
  routes: Routes = {},
) {
  const { result = OLD_RESULT, ...rest } = older
  const old = { ...OLD, ...rest, summary: result }
  const now = { ...NEW, summary: NEW_RESULT }
  serve({
    ...ROUTES,
    [`GET ${HOME}/evaluations`]: () => page(now, old),
    [`GET /api/v1/evaluations/${NEW.id}`]: () => json({ ...now, result: NEW_RESULT }),
    [`GET /api/v1/evaluations/${OLD.id}`]: () => json({ ...old, result }),
    ...routes,
  })
  const { user } = renderApp(PATH)
  const choice = await screen.findByRole('button', { name: /^Compare the shown result with/ })
  await user.click(choice)
  const region = await screen.findByRole('region', { name: 'Comparison' })
  return { user, region, choice, card: within(region) }
}

test('the figures of both stand side by side with what is better', async () => {
  const { region, card, choice } = await compare()
  const figures = within(await card.findByRole('table', { name: 'Figures' }))
  const accuracy = figures.getByRole('row', { name: /^Accuracy/ })
  expect(accuracy).toHaveTextContent('80%82.1%+2.1 pointsbetter')
  expect(figures.getByRole('row', { name: /^Calibration/ })).toHaveTextContent('+3 pointsworse')
  expect(figures.getByRole('row', { name: /^Mistakes/ })).toHaveTextContent('220the same')
  expect(choice).toHaveAttribute('aria-pressed', 'true')
  expect(card.getByRole('heading', { level: 2 })).toHaveFocus()
  expect(card.queryByRole('note')).toBeNull()
  expect(await axe(region)).toHaveNoViolations()
})

test('entities are compared where both have annotations', async () => {
  const { card } = await compare({ result: { ...OLD_RESULT, entity_f1: 0.7 } })
  const figures = within(await card.findByRole('table', { name: 'Figures' }))
  expect(figures.getByRole('row', { name: /^F1, entities/ })).toHaveTextContent('70%75%+5 points')
})

test('without annotations on both sides entities are not compared', async () => {
  const { card } = await compare()
  const figures = within(await card.findByRole('table', { name: 'Figures' }))
  expect(figures.queryByRole('row', { name: /^F1, entities/ })).toBeNull()
})

test('only the intents whose F1 differs are listed', async () => {
  const { card } = await compare()
  const intents = within(await card.findByRole('table', { name: 'Intents whose F1 differs' }))
  expect(intents.getByRole('row', { name: /^greet/ })).toHaveTextContent('+25 pointsbetter')
  expect(intents.queryByRole('row', { name: /^bye/ })).toBeNull()
})

test('many intents are shown step by step', async () => {
  const intents = Array.from({ length: 30 }, (_, index) => ({
    intent: `intent ${index}`,
    f1: index / 100,
    support: 1,
  }))
  const { user, card } = await compare({ result: { ...OLD_RESULT, intents } })
  const table = within(await card.findByRole('table', { name: 'Intents whose F1 differs' }))
  expect(table.getAllByRole('rowheader')).toHaveLength(25)
  await user.click(card.getByRole('button', { name: 'Show more' }))
  expect(table.getAllByRole('rowheader')).toHaveLength(32)
})

test('what is newly wrong and what is right now are told apart', async () => {
  const { card } = await compare()
  const newly = within(await card.findByRole('region', { name: 'Newly wrong' }))
  expect(newly.getByText('see you')).toBeVisible()
  const right = within(card.getByRole('region', { name: 'Now right' }))
  expect(right.getByText('so long')).toBeVisible()
  expect(card.queryByText('hey there')).toBeNull()
})

test('where not all mistakes are kept, it does not guess what is newly wrong', async () => {
  const { card } = await compare({ result: { ...OLD_RESULT, mistakes: 900 } })
  expect(await card.findByText(/^What is newly wrong cannot be told/)).toBeVisible()
  expect(card.getByText('The 2 surest ones are kept.')).toBeVisible()
  expect(card.getByText('so long')).toBeVisible()
})

test('other training data is said to be no ground for a comparison, utterance by utterance', async () => {
  const { card } = await compare({ training_data_version: 1 })
  expect(await card.findByRole('note')).toHaveTextContent('on revision 1 and on revision 2')
  expect(card.queryByRole('region', { name: 'Newly wrong' })).toBeNull()
})

test('a set is no match for a cross-validation', async () => {
  const { card } = await compare({ folds: null, model: 3, training_data_version: null })
  expect(await card.findByRole('note')).toHaveTextContent('One is a cross-validation')
})

test('a comparison is ended from its card or from the list', async () => {
  const { user, choice, card } = await compare()
  await user.click(card.getByRole('button', { name: 'End the comparison' }))
  expect(screen.queryByRole('region', { name: 'Comparison' })).toBeNull()
  await user.click(choice)
  expect(await screen.findByRole('region', { name: 'Comparison' })).toBeVisible()
  await user.click(choice)
  expect(screen.queryByRole('region', { name: 'Comparison' })).toBeNull()
})

test('a result that cannot be read says why', async () => {
  const { card } = await compare(
    {},
    { [`GET /api/v1/evaluations/${OLD.id}`]: () => problem(404, 'not_found') },
  )
  expect(await card.findByRole('alert')).toHaveTextContent('not_found')
})
