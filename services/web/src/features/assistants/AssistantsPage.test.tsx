import { screen, waitFor, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import { ASSISTANT, asRole, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { gate, json, page, pages, problem, serve } from '../../testing/server'

test('an assistant shows its model and its last training', async () => {
  serve(ROUTES)
  const { container } = renderApp('/')
  const card = await screen.findByRole('article', { name: 'Customer care' })
  expect(card).toHaveTextContent('v3')
  expect(await within(card).findByText('never')).toBeVisible()
  expect(await axe(container)).toHaveNoViolations()
})

test('a last training that cannot be asked for is not taken for none', async () => {
  const { opened, open } = gate()
  const trainings = async () => {
    await opened
    return problem(429, 'rate_limited', { title: 'Too many requests' })
  }
  serve({ ...ROUTES, [`GET ${HOME}/trainings`]: trainings })
  const { container } = renderApp('/')
  const card = await screen.findByRole('article', { name: 'Customer care' })
  expect(card).toHaveTextContent('Last training…')
  open()
  expect(await within(card).findByText('Too many requests')).toBeVisible()
  expect(card).not.toHaveTextContent('never')
  expect(await axe(container)).toHaveNoViolations()
})

test('an account without assistants is told how to begin', async () => {
  serve({ ...ROUTES, 'GET /api/v1/assistants': () => page() })
  renderApp('/')
  expect(await screen.findByText('No assistants yet')).toBeVisible()
})

test('who looks for an assistant finds it though it is not shown yet', async () => {
  const named = (name: string, index: number) => ({
    ...ASSISTANT,
    id: `0190a000-0000-7000-8000-0000000010${10 + index}`,
    name,
  })
  const shown = ['One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven'].map(named)
  serve({ ...ROUTES, 'GET /api/v1/assistants': pages(shown, [named('Old hand', 8)]) })
  const { user } = renderApp('/')
  await screen.findByRole('article', { name: 'One' })
  expect(screen.queryByRole('article', { name: 'Old hand' })).toBeNull()
  await user.type(screen.getByRole('searchbox'), 'hand')
  expect(await screen.findByRole('article', { name: 'Old hand' })).toBeVisible()
  expect(screen.queryByRole('article', { name: 'One' })).toBeNull()
  await user.clear(screen.getByRole('searchbox'))
  await user.click(screen.getByRole('button', { name: 'Show more' }))
  expect(await screen.findByRole('article', { name: 'Old hand' })).toBeVisible()
})

test('a search that fails is not taken for one that finds nothing', async () => {
  const named = (name: string, index: number) => ({
    ...ASSISTANT,
    id: `${ASSISTANT.id}${index}`,
    name,
  })
  const shown = ['One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven'].map(named)
  const isWhole = ({ url }: Request) => new URL(url).searchParams.get('limit') === '100'
  serve({
    ...ROUTES,
    'GET /api/v1/assistants': request =>
      isWhole(request) ? problem(429, 'rate_limited') : page(...shown),
  })
  const { user } = renderApp('/')
  await user.type(await screen.findByRole('searchbox'), 'hand')
  expect(await screen.findByRole('alert')).toHaveTextContent('Wait a moment and try again.')
  expect(screen.queryByText(/No assistant has/)).toBeNull()
})

test('an outage is told with what to do, and tried again on demand', async () => {
  let away = true
  serve({
    ...ROUTES,
    'GET /api/v1/assistants': () =>
      away ? problem(500, 'internal', { title: 'Something broke', trace_id: 'abc' }) : page(),
  })
  const { user } = renderApp('/')
  const alert = await screen.findByRole('alert')
  expect(alert).toHaveTextContent('Something broke')
  expect(alert).toHaveTextContent('abc')
  away = false
  await user.click(within(alert).getByRole('button', { name: 'Try again' }))
  expect(await screen.findByText('No assistants yet')).toBeVisible()
})

test('a new assistant is opened', async () => {
  const requests = serve({ ...ROUTES, 'POST /api/v1/assistants': () => json(ASSISTANT, 201) })
  const { user } = renderApp('/')
  await user.click(await screen.findByRole('button', { name: 'New assistant' }))
  await user.type(await screen.findByLabelText('Name'), 'Customer care')
  await user.click(screen.getByRole('button', { name: 'Create' }))
  await waitFor(() => expect(window.location.pathname).toBe(`/assistants/${ASSISTANT.id}`))
  const creation = requests.find(({ method }) => method === 'POST')
  expect(await creation?.json()).toEqual({ name: 'Customer care', language: 'en' })
})

test('a name that is taken is told in the dialog', async () => {
  const taken = () => problem(409, 'conflict', { detail: 'There is one of this name.' })
  serve({ ...ROUTES, 'POST /api/v1/assistants': taken })
  const { user } = renderApp('/')
  await user.click(await screen.findByRole('button', { name: 'New assistant' }))
  await user.type(await screen.findByLabelText('Name'), 'Customer care')
  await user.click(screen.getByRole('button', { name: 'Create' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('There is one of this name.')
})

test('an assistant is deleted only once its name has been typed', async () => {
  const requests = serve({
    ...ROUTES,
    [`DELETE ${HOME}`]: () => new Response(null, { status: 204 }),
  })
  const { user } = renderApp('/')
  await user.click(await screen.findByRole('button', { name: 'Actions for Customer care' }))
  await user.click(await screen.findByRole('menuitem', { name: 'Delete' }))
  const dialog = await screen.findByRole('dialog')
  const remove = within(dialog).getByRole('button', { name: 'Delete' })
  expect(remove).toBeDisabled()
  await user.type(within(dialog).getByLabelText('Type the name to confirm'), 'Customer care')
  await user.click(remove)
  await waitFor(() => expect(requests.some(({ method }) => method === 'DELETE')).toBe(true))
})

test('a viewer is offered nothing that the role does not allow', async () => {
  serve({ ...ROUTES, ...asRole('viewer') })
  renderApp('/')
  await screen.findByRole('article', { name: 'Customer care' })
  await screen.findByText('Viewer · Example')
  expect(screen.queryByRole('button', { name: 'New assistant' })).toBeNull()
  expect(screen.queryByRole('button', { name: /^Actions/ })).toBeNull()
})

test('an assistant that is not there is told with the way back', async () => {
  serve({ ...ROUTES, [`GET ${HOME}`]: () => problem(404, 'not_found') })
  renderApp(`/assistants/${ASSISTANT.id}`)
  expect(await screen.findByRole('alert')).toHaveTextContent('Go back to the list')
})
