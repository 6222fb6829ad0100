import { screen, waitFor, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import type { InboxItem } from '../../api/types'
import { ASSISTANT, asRole, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, page, problem, type Routes, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/inbox`

function item(number: number, text: string, guesses: InboxItem['guesses']): InboxItem {
  return {
    id: `0190a000-0000-7000-8000-00000000010${number}`,
    assistant_id: ASSISTANT.id,
    text,
    seen: 9 - number,
    first_at: '2026-01-01T10:00:00Z',
    last_at: '2026-01-01T10:00:00Z',
    guesses,
    model_version: 3,
    status: 'open',
    intent: null,
    decided_at: null,
  }
}

const PARCEL = item(1, 'where is my parcel', [
  { name: 'order_status', confidence: 0.42 },
  { name: 'greet', confidence: 0.3 },
])
const SONG = item(2, 'sing me a song', [{ name: 'greet', confidence: 0.2 }])
const NOISE = item(3, 'asdf', [])
const DATA = {
  examples: [
    { text: 'hi', intent: 'greet' },
    { text: 'has it left', intent: 'order_status' },
    { text: 'the bill is wrong', intent: 'complaint' },
    { text: 'will it rain', intent: null },
  ],
}

/** An inbox that forgets what is labelled, as the API's does. */
function inbox(...items: InboxItem[]) {
  const labels: Array<[string, unknown]> = []
  let waiting = items
  const routes: Routes = {
    ...ROUTES,
    'GET /api/v1/inbox': () => page(...waiting),
    [`GET ${HOME}/training-data`]: () => json(DATA),
  }
  for (const one of items) {
    routes[`POST /api/v1/inbox/${one.id}/label`] = async request => {
      labels.push([one.text, await request.json()])
      waiting = waiting.filter(({ id }) => id !== one.id)
      return json({ ...one, status: 'labelled' })
    }
  }
  return { routes, labels }
}

const listed = () => within(screen.getByRole('listbox')).getAllByRole('option')
const selected = () => within(screen.getByRole('listbox')).getByRole('option', { selected: true })

test('each utterance takes a key: the best guess, out of scope, dismissed', async () => {
  const { routes, labels } = inbox(PARCEL, SONG, NOISE)
  const requests = serve(routes)
  const { user, container } = renderApp(PATH)
  const list = await screen.findByRole('listbox')
  expect(listed()).toHaveLength(3)
  expect(await axe(container)).toHaveNoViolations()
  list.focus()
  await user.keyboard('{Enter}')
  expect(
    await screen.findByText('“where is my parcel” is an example of order_status now.'),
  ).toBeVisible()
  await waitFor(() => expect(selected()).toHaveTextContent('sing me a song'))
  await user.keyboard('o')
  await waitFor(() => expect(selected()).toHaveTextContent('asdf'))
  // There is no guess to take.
  await user.keyboard('{Enter}1')
  await user.keyboard('d')
  expect(await screen.findByText('Nothing waits here')).toBeVisible()
  expect(labels).toEqual([
    ['where is my parcel', { intent: 'order_status' }],
    ['sing me a song', { intent: 'out_of_scope' }],
    ['asdf', { dismiss: true }],
  ])
  const post = requests.find(({ method }) => method === 'POST')
  expect(post?.headers.get('idempotency-key')).toBeTruthy()
  const asked = requests.find(({ url }) => url.includes('/api/v1/inbox?'))
  expect(new URL(asked?.url ?? '').searchParams.get('assistant_id')).toBe(ASSISTANT.id)
})

test('keys move through the list, and another guess has its number', async () => {
  const { routes, labels } = inbox(PARCEL, SONG, NOISE)
  serve(routes)
  const { user } = renderApp(PATH)
  const list = await screen.findByRole('listbox')
  list.focus()
  await user.keyboard('jj')
  expect(selected()).toHaveTextContent('asdf')
  await user.keyboard('{ArrowDown}k')
  expect(selected()).toHaveTextContent('sing me a song')
  expect(list).toHaveAttribute('aria-activedescendant', selected().id)
  await user.keyboard('{Home}2')
  await waitFor(() => expect(labels).toEqual([['where is my parcel', { intent: 'greet' }]]))
  expect(list).toHaveFocus()
})

test('keys do nothing outside of the list', async () => {
  const { routes, labels } = inbox(PARCEL)
  serve(routes)
  const { user } = renderApp(PATH)
  await screen.findByRole('listbox')
  await user.keyboard('d1o')
  await user.type(screen.getByRole('combobox', { name: 'Another intent' }), 'od')
  expect(labels).toEqual([])
})

test('another intent is typed, and a new one only when it is said to be one', async () => {
  const { routes, labels } = inbox(PARCEL, SONG)
  serve(routes)
  const { user } = renderApp(PATH)
  const list = await screen.findByRole('listbox')
  list.focus()
  await user.keyboard('i')
  const input = screen.getByRole('combobox', { name: 'Another intent' })
  expect(input).toHaveFocus()
  await user.keyboard('complaint')
  expect(screen.queryByRole('checkbox', { name: /is a new intent/ })).toBeNull()
  await user.keyboard('{Enter}')
  await waitFor(() => expect(labels).toEqual([['where is my parcel', { intent: 'complaint' }]]))
  await waitFor(() => expect(selected()).toHaveTextContent('sing me a song'))

  await user.type(screen.getByRole('combobox', { name: 'Another intent' }), 'music')
  const send = screen.getByRole('button', { name: 'Label' })
  expect(send).toBeDisabled()
  await user.click(screen.getByRole('checkbox', { name: '“music” is a new intent' }))
  await user.click(send)
  await waitFor(() =>
    expect(labels[1]).toEqual(['sing me a song', { intent: 'music', create_intent: true }]),
  )
})

test('no intent is said to be new while it is not known which there are', async () => {
  const { routes } = inbox(PARCEL)
  let isUp = false
  const data = () => (isUp ? json(DATA) : problem(500, 'internal'))
  serve({ ...routes, [`GET ${HOME}/training-data`]: data })
  const { user } = renderApp(PATH)
  const alert = await screen.findByRole('alert')
  await user.type(screen.getByLabelText('Another intent'), 'complaint')
  expect(screen.queryByRole('checkbox')).toBeNull()
  expect(screen.getByRole('button', { name: 'Label' })).toBeDisabled()
  isUp = true
  await user.click(within(alert).getByRole('button', { name: 'Try again' }))
  await waitFor(() => expect(screen.getByRole('button', { name: 'Label' })).toBeEnabled())
})

test('entities are marked on the way, and go with the label', async () => {
  const { routes, labels } = inbox(PARCEL, SONG)
  serve(routes)
  const { user, container } = renderApp(PATH)
  const list = await screen.findByRole('listbox')
  list.focus()
  await user.keyboard('e')
  const words = screen.getByRole('textbox', { name: 'Entities in it' }) as HTMLTextAreaElement
  expect(words).toHaveFocus()
  words.setSelectionRange(12, 18)
  await user.keyboard('{Shift}{Enter}')
  await user.keyboard('thing{Enter}')
  expect(words).toHaveFocus()
  expect(screen.getByText(/entity thing/)).toBeInTheDocument()
  expect(await axe(container)).toHaveNoViolations()
  await user.keyboard('{Escape}')
  expect(list).toHaveFocus()
  await user.keyboard('{Enter}')
  await waitFor(() => expect(selected()).toHaveTextContent('sing me a song'))
  await user.keyboard('o')
  await waitFor(() => expect(labels).toHaveLength(2))
  const entities = [{ start: 12, end: 18, entity: 'thing' }]
  expect(labels).toEqual([
    [PARCEL.text, { intent: 'order_status', entities, text: PARCEL.text }],
    [SONG.text, { intent: 'out_of_scope' }],
  ])
})

test('what cannot be labelled says why and stays', async () => {
  const { routes } = inbox(PARCEL)
  const errors = [{ pointer: '/intent', message: 'the training data has `greet`' }]
  serve({
    ...routes,
    [`POST /api/v1/inbox/${PARCEL.id}/label`]: () => problem(422, 'invalid', { errors }),
  })
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: /order_status, 42% sure/ }))
  expect(await screen.findByRole('alert')).toHaveTextContent('the training data has `greet`')
  expect(selected()).toHaveTextContent('where is my parcel')
})

test('the list is asked for again, and what is chosen stays chosen', async () => {
  const { routes } = inbox(PARCEL)
  let now = [SONG]
  serve({ ...routes, 'GET /api/v1/inbox': () => page(...now) })
  renderApp(PATH)
  await screen.findByRole('listbox')
  expect(listed()).toHaveLength(1)
  listed()[0]?.click()
  now = [PARCEL, SONG]
  await waitFor(() => expect(listed()).toHaveLength(2), { timeout: 8_000 })
  expect(selected()).toHaveTextContent('sing me a song')
}, 12_000)

const POLLED = { timeout: 8_000 }

/** An inbox that holds what it is told, whatever is labelled. */
function told(...items: InboxItem[]) {
  const { routes, labels } = inbox(PARCEL, SONG, NOISE)
  const now = { items }
  serve({ ...routes, 'GET /api/v1/inbox': () => page(...now.items) })
  const becomes = async (...next: InboxItem[]) => {
    now.items = next
    const texts = next.map(({ text }) => expect.stringContaining(text))
    const arrived = () => expect(listed().map(({ textContent }) => textContent)).toEqual(texts)
    await waitFor(arrived, POLLED)
  }
  return { now, labels, becomes }
}

test('a key labels what is shown, though nobody has chosen it and another is on top by now', async () => {
  const { labels, becomes } = told(SONG)
  const { user } = renderApp(PATH)
  const list = await screen.findByRole('listbox')
  list.focus()
  await becomes(PARCEL, SONG)
  expect(selected()).toHaveTextContent('sing me a song')
  await user.keyboard('{Enter}')
  await waitFor(() => expect(labels).toEqual([['sing me a song', { intent: 'greet' }]]))
}, 12_000)

test('what came to where the last one was decided stays chosen too', async () => {
  const { labels, becomes } = told(SONG, NOISE)
  const { user } = renderApp(PATH)
  const list = await screen.findByRole('listbox')
  list.focus()
  await user.keyboard('o')
  await waitFor(() => expect(selected()).toHaveTextContent('asdf'))
  await becomes(PARCEL, NOISE)
  await user.keyboard('d')
  await waitFor(() => expect(labels[1]).toEqual(['asdf', { dismiss: true }]))
}, 12_000)

test('what is decided elsewhere stays with what is typed about it, and no key speaks of another', async () => {
  const { now, labels } = told(PARCEL, SONG)
  const { user } = renderApp(PATH)
  await screen.findByRole('listbox')
  const input = screen.getByRole('combobox', { name: 'Another intent' })
  await user.type(input, 'compl')
  now.items = [SONG]
  expect(await screen.findByText(/in the list no longer/, undefined, POLLED)).toBeVisible()
  expect(input).toHaveFocus()
  await user.keyboard('aint{Enter}')
  await waitFor(() => expect(labels).toEqual([['where is my parcel', { intent: 'complaint' }]]))
  await waitFor(() => expect(selected()).toHaveTextContent('sing me a song'))
  expect(listed()).toHaveLength(1)
}, 12_000)

test('collection is switched off and on', async () => {
  const { routes } = inbox()
  const requests = serve({
    ...routes,
    [`PATCH ${HOME}`]: () => json({ ...ASSISTANT, collects_utterances: false }),
  })
  const { user } = renderApp(PATH)
  const control = await screen.findByRole('switch', { name: 'Collect what it is not sure of' })
  expect(control).toBeChecked()
  await user.click(control)
  await waitFor(() => expect(control).not.toBeChecked())
  const sent = requests.find(({ method }) => method === 'PATCH')
  expect(await sent?.json()).toEqual({ collects_utterances: false })
  expect(await screen.findByText('Collection is switched off.')).toBeVisible()
})

test('a viewer reads and decides nothing', async () => {
  const { routes, labels } = inbox(PARCEL)
  serve({ ...routes, ...asRole('viewer') })
  const { user, container } = renderApp(PATH)
  const list = await screen.findByRole('listbox')
  list.focus()
  await user.keyboard('{Enter}d')
  expect(labels).toEqual([])
  expect(screen.queryByRole('button', { name: /Dismiss/ })).toBeNull()
  expect(screen.queryByRole('switch')).toBeNull()
  expect(await axe(container)).toHaveNoViolations()
})
