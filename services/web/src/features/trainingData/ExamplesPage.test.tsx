import { screen, waitFor, within } from '@testing-library/react'
import { expect, test, vi } from 'vitest'
import { axe } from 'vitest-axe'
import type { TrainingData, TrainingDataOperation } from '../../api/types'
import { ASSISTANT, asRole, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { gate, json, problem, type Routes, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/examples?intent=travel`
const DATA: TrainingData = {
  examples: [
    { text: '👋 πάω Ρώμη', intent: 'travel' },
    {
      text: 'from Oslo to Rome',
      intent: 'travel',
      entities: [{ start: 5, end: 9, entity: 'city', role: 'from' }],
    },
    { text: 'hello', intent: 'greet' },
  ],
  lookups: [{ entity: 'country', values: ['Italy'] }],
}

/** Training data that is stored only for who has seen the latest revision. */
function storage(data: TrainingData = DATA) {
  const now = { data, version: 7 }
  const tag = () => ({ ETag: `"${now.version}.json"` })
  const routes: Routes = {
    ...ROUTES,
    [`GET ${HOME}/training-data`]: () => Response.json(now.data, { headers: tag() }),
    [`PATCH ${HOME}/training-data`]: async request => {
      if (request.headers.get('if-match') !== `"${now.version}.json"`) {
        return problem(412, 'conflict')
      }
      const examples = [...now.data.examples]
      for (const operation of (await request.json()) as TrainingDataOperation[]) {
        const at = Number(operation.path.split('/')[2])
        if (operation.op === 'add') examples.push(operation.value)
        else if (operation.op === 'replace') examples[at] = operation.value
        else examples.splice(at, 1)
      }
      now.data = { ...now.data, examples }
      now.version += 1
      const summary = { version: now.version, examples: 1, intents: 1, entities: 1, hints: [] }
      return Response.json(summary, { headers: tag() })
    },
  }
  return { now, routes }
}

const rows = () => within(screen.getByRole('list', { name: 'Examples' })).getAllByRole('listitem')
const textField = () => screen.getByRole('textbox', { name: 'Text' }) as HTMLTextAreaElement

/** Selects a part of the text; jsdom itself moves no selection by Shift and the arrows. */
async function select(user: ReturnType<typeof renderApp>['user'], part: string) {
  const start = textField().value.indexOf(part)
  textField().setSelectionRange(start, start + part.length)
  await user.keyboard('{Shift}')
}

test('an entity is marked with the keyboard alone, and counted in characters', async () => {
  const { now, routes } = storage()
  serve(routes)
  const { user, container } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Edit “👋 πάω Ρώμη”' }))
  expect(textField()).toHaveFocus()
  await select(user, 'Ρώμη')
  expect(await screen.findByRole('combobox', { name: 'Entity of “Ρώμη”' })).toBeVisible()
  await user.keyboard('{Enter}city{Tab}to{Tab}Rome{Enter}')
  expect(textField()).toHaveFocus()
  expect(rows()[0]).toHaveTextContent('(entity city, role to, value Rome)')
  expect(await axe(container)).toHaveNoViolations()
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(now.version).toBe(8))
  expect(now.data.examples[0]).toEqual({
    text: '👋 πάω Ρώμη',
    intent: 'travel',
    entities: [{ start: 6, end: 10, entity: 'city', role: 'to', value: 'Rome' }],
  })
  expect(now.data.examples.slice(1)).toEqual(DATA.examples.slice(1))
  expect(now.data.lookups).toEqual(DATA.lookups)
  expect(await screen.findByText('The examples are saved.')).toBeVisible()
  expect(screen.getByRole('button', { name: 'Save' })).toBeDisabled()
})

test('a selection that overlaps a mark is refused', async () => {
  serve(storage().routes)
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Edit “from Oslo to Rome”' }))
  await select(user, 'lo to')
  expect(await screen.findByRole('alert')).toHaveTextContent(
    '“lo to” overlaps “Oslo”, which is marked as city.',
  )
  expect(screen.queryByRole('button', { name: 'Mark' })).toBeNull()
})

test('a mark whose word is selected is changed as it is', async () => {
  serve(storage().routes)
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Edit “from Oslo to Rome”' }))
  await select(user, 'Oslo')
  expect(await screen.findByRole('alert')).toBeVisible()
  await user.click(screen.getByRole('button', { name: 'Change the mark of “Oslo”' }))
  expect(screen.getByRole('textbox', { name: 'Role, if any' })).toHaveValue('from')
  await user.click(screen.getByRole('button', { name: 'Mark' }))
  expect(rows()[1]).toHaveTextContent('(entity city, role from)')
})

test('marks move along with the text, are changed and removed', async () => {
  const { now, routes } = storage()
  serve(routes)
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Edit “from Oslo to Rome”' }))
  textField().setSelectionRange(0, 0)
  await user.keyboard('go ')
  await user.click(screen.getByRole('button', { name: 'Change the mark of “Oslo”' }))
  const role = screen.getByRole('textbox', { name: 'Role, if any' })
  await user.clear(role)
  await user.type(role, 'start{Enter}')
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(now.version).toBe(8))
  expect(now.data.examples[1]).toEqual({
    text: 'go from Oslo to Rome',
    intent: 'travel',
    entities: [{ start: 8, end: 12, entity: 'city', role: 'start' }],
  })
  await user.click(await screen.findByRole('button', { name: 'Remove the mark of “Oslo”' }))
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(now.version).toBe(9))
  expect(now.data.examples[1]?.entities).toEqual([])
})

test('marks stand on their words in a text of several lines', async () => {
  const city = { start: 4, end: 8, entity: 'city' }
  const { now, routes } = storage({
    examples: [{ text: 'to\r\nRome\r\nnow', intent: 'travel', entities: [city] }],
  })
  serve(routes)
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: /^Edit/ }))
  await select(user, 'now')
  await user.clear(await screen.findByRole('combobox', { name: 'Entity of “now”' }))
  await user.type(screen.getByRole('combobox', { name: 'Entity of “now”' }), 'time{Enter}')
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(now.version).toBe(8))
  expect(now.data.examples[0]?.entities).toEqual([city, { start: 10, end: 13, entity: 'time' }])

  await user.type(textField(), 'go ', { initialSelectionStart: 0, initialSelectionEnd: 0 })
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(now.version).toBe(9))
  expect(now.data.examples[0]).toEqual({
    text: 'go to\nRome\nnow',
    intent: 'travel',
    entities: [
      { start: 6, end: 10, entity: 'city' },
      { start: 11, end: 14, entity: 'time' },
    ],
  })
})

test('examples are added, moved, removed and kept after all', async () => {
  const { now, routes } = storage()
  serve(routes)
  const { user } = renderApp(PATH)
  const add = await screen.findByRole('textbox', { name: 'A new example' })
  await user.type(add, 'fly me{Enter}')
  await user.type(add, 'fly me')
  expect(screen.getByText('This example is there already.')).toBeVisible()
  await user.click(screen.getByRole('button', { name: 'Edit “👋 πάω Ρώμη”' }))
  const intents = screen.getAllByRole('combobox', { name: 'Intent' })
  await user.selectOptions(intents[1] as HTMLElement, 'greet')
  expect(rows()[0]).toHaveTextContent('moves to greet')
  await user.click(screen.getByRole('button', { name: 'Remove “fly me”' }))
  await user.clear(add)
  await user.type(add, 'take me to Rome{Enter}')
  await user.click(screen.getByRole('button', { name: 'Remove “from Oslo to Rome”' }))
  await user.click(screen.getByRole('button', { name: 'Keep “from Oslo to Rome” after all' }))
  expect(screen.getByText('2 changes')).toBeVisible()
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(now.version).toBe(8))
  expect(now.data.examples.map(({ text, intent }) => [text, intent])).toEqual([
    ['👋 πάω Ρώμη', 'greet'],
    ['from Oslo to Rome', 'travel'],
    ['hello', 'greet'],
    ['take me to Rome', 'travel'],
  ])
})

test('what is open stays open when those before it go', async () => {
  const city = { start: 0, end: 4, entity: 'city', role: 'to' }
  const { now, routes } = storage({
    examples: [
      { text: 'fly me', intent: 'travel' },
      { text: 'Oslo it is', intent: 'travel', entities: [city] },
      { text: 'Rome it is', intent: 'travel', entities: [city] },
    ],
  })
  serve(routes)
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Remove “fly me”' }))
  await user.click(screen.getByRole('button', { name: 'Edit “Oslo it is”' }))
  await user.type(textField(), ' ')
  await user.click(screen.getByRole('button', { name: 'Change the mark of “Oslo”' }))
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(now.version).toBe(8))
  await waitFor(() => expect(screen.queryByText('fly me')).toBeNull())
  expect(textField()).toHaveValue('Oslo it is')
  expect(now.data.examples.map(({ text }) => text)).toEqual(['Oslo it is', 'Rome it is'])
})

test('two editors do not overwrite each other, and neither loses what was typed', async () => {
  const { now, routes } = storage()
  serve(routes)
  const { user } = renderApp(PATH)
  await user.type(await screen.findByRole('textbox', { name: 'A new example' }), 'fly me{Enter}')
  await user.click(screen.getByRole('button', { name: 'Remove “👋 πάω Ρώμη”' }))
  now.data = { examples: [...DATA.examples, { text: 'theirs', intent: 'travel' }] }
  now.version = 12
  await user.click(screen.getByRole('button', { name: 'Save' }))
  expect(await screen.findByRole('alert')).toHaveTextContent('Somebody else has changed')
  expect(screen.getByText('2 changes')).toBeVisible()
  expect(now.version).toBe(12)
  await user.click(screen.getByRole('button', { name: 'Do mine on top of it and save' }))
  await waitFor(() => expect(now.version).toBe(13))
  expect(now.data.examples.map(({ text }) => text)).toEqual([
    'from Oslo to Rome',
    'hello',
    'theirs',
    'fly me',
  ])
  await waitFor(() => expect(screen.queryByRole('alert')).toBeNull())
})

test('examples are added over plain HTTP too', async () => {
  vi.spyOn(crypto, 'randomUUID').mockImplementation(() => {
    throw new TypeError('not in an insecure context')
  })
  serve(storage().routes)
  const { user } = renderApp(PATH)
  await user.type(await screen.findByRole('textbox', { name: 'A new example' }), 'fly me{Enter}')
  expect(rows()[2]).toHaveTextContent('fly me')
  vi.restoreAllMocks()
})

test('the first examples of an assistant are stored as a whole', async () => {
  const requests = serve({
    ...ROUTES,
    [`GET ${HOME}/training-data`]: () => problem(404, 'not_found'),
    [`PUT ${HOME}/training-data`]: () =>
      json({ version: 1, examples: 1, intents: 1, entities: 0, hints: [] }),
  })
  const { user } = renderApp(PATH)
  await user.type(await screen.findByRole('textbox', { name: 'A new example' }), 'fly me{Enter}')
  await user.click(screen.getByRole('button', { name: 'Save' }))
  expect(await screen.findByText('The examples are saved.')).toBeVisible()
  const sent = requests.find(({ method }) => method === 'PUT')
  expect(await sent?.json()).toEqual({ examples: [{ text: 'fly me', intent: 'travel' }] })
})

test('nothing is typed while it is being saved', async () => {
  const { now, routes } = storage()
  const patch = `PATCH ${HOME}/training-data`
  const { opened, open } = gate()
  serve({
    ...routes,
    [patch]: async request => {
      await opened
      return (routes[patch] as (request: Request) => Promise<Response>)(request)
    },
  })
  const { user } = renderApp(PATH)
  const add = await screen.findByRole('textbox', { name: 'A new example' })
  await user.type(add, 'fly me{Enter}')
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(add.closest('[inert]')).not.toBeNull())
  open()
  await waitFor(() => expect(now.version).toBe(8))
  await waitFor(() => expect(add.closest('[inert]')).toBeNull())
})

test('a save that fails loses nothing', async () => {
  const { routes } = storage()
  serve({ ...routes, [`PATCH ${HOME}/training-data`]: () => problem(503, 'unavailable') })
  const { user } = renderApp(PATH)
  await user.type(await screen.findByRole('textbox', { name: 'A new example' }), 'fly me{Enter}')
  await user.click(screen.getByRole('button', { name: 'Save' }))
  expect(await screen.findByRole('alert')).toBeVisible()
  expect(rows()[2]).toHaveTextContent('fly me')
  expect(screen.getByRole('button', { name: 'Save' })).toBeEnabled()
})

test('a viewer reads the marks and is offered nothing', async () => {
  serve({ ...storage().routes, ...asRole('viewer') })
  const { container } = renderApp(PATH)
  expect(await screen.findByText(/entity city, role from/)).toBeInTheDocument()
  expect(screen.queryByRole('button', { name: /Edit|Remove|Save/ })).toBeNull()
  expect(await axe(container)).toHaveNoViolations()
})

test('the page is reached from the table of intents', async () => {
  serve(storage().routes)
  const { user } = renderApp(`/assistants/${ASSISTANT.id}/data`)
  await user.click(await screen.findByRole('button', { name: 'travel' }))
  await user.click(screen.getByRole('link', { name: 'Edit the examples' }))
  expect(await screen.findByRole('button', { name: 'Edit “👋 πάω Ρώμη”' })).toBeVisible()
})
