import { screen, waitFor, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import { ASSISTANT, asRole, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, page, problem, type Routes, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/history`
const REVISIONS = `${HOME}/training-data/revisions`

const revision = (version: number, examples: number) => ({
  version,
  examples,
  intents: 2,
  entities: 0,
  created_by: '0190a000-0000-7000-8000-0000000000ff',
  created_by_name: version === 3 ? 'ada@example.org' : null,
  restored_from: version === 2 ? 1 : null,
  created_at: '2026-01-01T10:00:00Z',
})

const data = (...examples: [string, string][]) =>
  json({ examples: examples.map(([text, intent]) => ({ text, intent })) })

const HISTORY: Routes = {
  ...ROUTES,
  [`GET ${REVISIONS}`]: () => page(revision(3, 5), revision(2, 2), revision(1, 2)),
  [`GET ${REVISIONS}/3`]: () => data(['hi', 'greet'], ['bye', 'leave'], ['new', 'greet']),
  [`GET ${REVISIONS}/2`]: () => data(['hi', 'greet'], ['bye', 'greet']),
  [`GET ${REVISIONS}/1`]: () => data(['hi', 'greet'], ['bye', 'greet']),
}

test('the history says who changed how much, and what', async () => {
  serve(HISTORY)
  const { user, container } = renderApp(PATH)
  const table = await screen.findByRole('table')
  const newest = within(table).getAllByRole('row')[1]
  expect(newest).toHaveTextContent('ada@example.org')
  expect(newest).toHaveTextContent('5+3')
  expect(within(table).getByText('goes back to 1')).toBeVisible()
  expect(await screen.findByText('1 example added')).toBeVisible()
  expect(screen.getByText('greet → leave')).toBeVisible()
  expect(await axe(container)).toHaveNoViolations()
  await user.selectOptions(screen.getByRole('combobox', { name: 'Before' }), '1')
  await user.selectOptions(screen.getByRole('combobox', { name: 'After' }), '2')
  expect(await screen.findByText('Both are the same.')).toBeVisible()
})

test('going back is asked for on top of what was seen', async () => {
  const requests = serve({
    ...HISTORY,
    [`POST ${REVISIONS}/1/restore`]: () => json(revision(4, 2), 201),
  })
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Go back to 1' }))
  expect(await screen.findByText('Revision 4 is revision 1 once more.')).toBeVisible()
  const sent = requests.find(({ method }) => method === 'POST')
  expect(sent?.headers.get('if-match')).toBe('"3.json"')
})

test('going back past what somebody else has stored is refused with its reason', async () => {
  serve({
    ...HISTORY,
    [`POST ${REVISIONS}/1/restore`]: () => problem(412, 'conflict', { detail: 'It was changed.' }),
  })
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Go back to 1' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('It was changed.')
})

test('a viewer reads the history and goes nowhere', async () => {
  serve({ ...HISTORY, ...asRole('viewer') })
  renderApp(PATH)
  expect(await screen.findByText('ada@example.org')).toBeVisible()
  await waitFor(() => expect(screen.queryByRole('button', { name: /Go back/ })).toBeNull())
})
