import { screen, waitFor, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import { ASSISTANT, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, problem, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}`

test('an assistant that has learned nothing has everything still to do', async () => {
  serve({ ...ROUTES, [`GET ${HOME}`]: () => json({ ...ASSISTANT, active_model: null }) })
  const { container } = renderApp(PATH)
  await waitFor(() => expect(screen.getAllByText('Not yet')).toHaveLength(4))
  expect(await axe(container)).toHaveNoViolations()
})

test('what cannot be asked for is not said to be missing', async () => {
  let isUp = false
  const data = { examples: [{ text: 'hello', intent: 'greet' }] }
  serve({
    ...ROUTES,
    [`GET ${HOME}/training-data`]: () => (isUp ? json(data) : problem(500, 'internal')),
    [`GET ${HOME}/flows`]: () => (isUp ? new Response('flows: {}') : problem(429, 'rate_limited')),
  })
  const { user, container } = renderApp(PATH)
  const alert = await screen.findByRole('alert')
  expect(screen.queryByText('Not yet')).toBeNull()
  expect(await axe(container)).toHaveNoViolations()
  isUp = true
  await user.click(within(alert).getByRole('button', { name: 'Try again' }))
  expect(await screen.findByText('1 example, 1 intent')).toBeVisible()
  expect(await screen.findByText('Flows uploaded')).toBeVisible()
  expect(screen.queryByRole('alert')).toBeNull()
})
