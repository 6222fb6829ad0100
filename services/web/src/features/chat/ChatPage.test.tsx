import { act, screen, waitFor, within } from '@testing-library/react'
import { beforeEach, expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import type { ConversationState, Event } from '../../api/types'
import { FakeSocket, fakeSockets } from '../../testing/fakeSocket'
import { ASSISTANT, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, problem, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/chat`
const ID = '0190a000-0000-7000-8000-0000000000cc'
const at = '2026-01-01T10:00:00Z'

const GREETING: Event = {
  sequence: 1,
  at,
  event: 'assistant',
  message: {
    type: 'buttons',
    text: 'How can I help?',
    buttons: [{ title: 'My bill', payload: '/bill' }],
  },
}
const SAID: Event = {
  sequence: 2,
  at,
  event: 'user',
  text: 'it shows 48213',
  parse: {
    text: 'it shows 48213',
    intent: { name: 'report_reading', confidence: 0.93 },
    intent_ranking: [
      { name: 'report_reading', confidence: 0.93 },
      { name: 'greet', confidence: 0.05 },
    ],
    entities: [
      { entity: 'reading', start: 9, end: 14, value: 48213, confidence: 1, extractor: 'regex' },
    ],
    model_version: 3,
  },
}
const ANSWER: Event = {
  sequence: 3,
  at,
  event: 'assistant',
  message: { type: 'text', text: 'I have noted it.' },
}

let events: Event[]
let state: ConversationState

/** A conversation that answers what is posted to it. */
function serveConversation() {
  return serve({
    ...ROUTES,
    [`POST ${HOME}/conversations`]: () => json({ id: ID, messages: [], state }, 201),
    [`GET /api/v1/conversations/${ID}`]: () => json({ id: ID, state, events }),
    [`POST /api/v1/conversations/${ID}/messages`]: () => {
      turn()
      return json({ messages: [], state })
    },
  })
}

function turn() {
  events = [GREETING, SAID, ANSWER]
  state = { ...state, slots: { reading: 48213 } }
}

beforeEach(() => {
  fakeSockets()
  events = [GREETING]
  state = { status: 'active', flow: null, asking: null, slots: {} }
})

test('without a live connection a message goes by a plain request', async () => {
  const requests = serveConversation()
  const { user, container } = renderApp(PATH)
  await user.type(await screen.findByLabelText('Your message'), 'it shows 48213{Enter}')
  expect(await screen.findByText('I have noted it.')).toBeVisible()
  const sent = requests.find(({ url }) => url.endsWith('/messages'))
  expect(await sent?.json()).toEqual({ text: 'it shows 48213' })
  expect(await axe(container)).toHaveNoViolations()
})

test('what was understood stands beside the message, and what is remembered below', async () => {
  turn()
  serveConversation()
  renderApp(PATH)
  const understanding = await screen.findByRole('region', { name: 'Understanding' })
  expect(understanding).toHaveTextContent('Model v3')
  expect(understanding).toHaveTextContent('report_reading93%')
  expect(within(understanding).getByText('48213', { selector: 'mark' })).toBeVisible()
  expect(screen.getByRole('region', { name: 'State' })).toHaveTextContent('reading48213')
})

test('over a live connection messages go out and answers come in', async () => {
  const requests = serveConversation()
  const { user } = renderApp(PATH)
  await screen.findByText('How can I help?')
  await waitFor(() => expect(FakeSocket.last).toBeDefined())
  const socket = FakeSocket.last as FakeSocket
  expect(socket.protocols).toEqual(['stoa', 'stoa.bearer.access'])
  act(() => socket.accept())
  expect(await screen.findByText('Live')).toBeVisible()

  await user.type(screen.getByLabelText('Your message'), 'it shows 48213{Enter}')
  expect(JSON.parse(socket.sent[0] ?? '')).toMatchObject({ text: 'it shows 48213' })
  turn()
  act(() => {
    socket.receive(SAID)
    socket.receive(ANSWER)
  })
  expect(await screen.findByText('I have noted it.')).toBeVisible()
  expect(requests.some(({ url }) => url.endsWith('/messages'))).toBe(false)
})

test('a message that the live connection lost is said again under the same key', async () => {
  const requests = serveConversation()
  const { user } = renderApp(PATH)
  await screen.findByText('How can I help?')
  await waitFor(() => expect(FakeSocket.last).toBeDefined())
  const socket = FakeSocket.last as FakeSocket
  act(() => socket.accept())
  await user.type(screen.getByLabelText('Your message'), 'it shows 48213{Enter}')
  act(() => socket.close())
  expect(await screen.findByText('I have noted it.')).toBeVisible()
  const sent = requests.find(({ url }) => url.endsWith('/messages'))
  const { idempotency_key: key } = JSON.parse(socket.sent[0] ?? '')
  expect(sent?.headers.get('idempotency-key')).toBe(key)
})

test('a message that is refused over the live connection says why', async () => {
  serveConversation()
  const { user } = renderApp(PATH)
  await screen.findByText('How can I help?')
  await waitFor(() => expect(FakeSocket.last).toBeDefined())
  const socket = FakeSocket.last as FakeSocket
  act(() => socket.accept())
  await user.type(screen.getByLabelText('Your message'), 'it shows 48213{Enter}')
  const { idempotency_key } = JSON.parse(socket.sent[0] ?? '')
  const refused = { code: 'unavailable', title: 'A part is away', status: 503, detail: 'Later.' }
  act(() => socket.receive({ problem: refused, idempotency_key }))
  expect(await screen.findByRole('alert')).toHaveTextContent('A part is away')
})

test('a message that was not said is there to be said again, and is then heard once', async () => {
  const path = `/api/v1/conversations/${ID}/messages`
  let isUp = false
  const requests = serve({
    ...ROUTES,
    [`POST ${HOME}/conversations`]: () => json({ id: ID, messages: [], state }, 201),
    [`GET /api/v1/conversations/${ID}`]: () => json({ id: ID, state, events }),
    [`POST ${path}`]: () => {
      if (!isUp) return problem(503, 'unavailable')
      turn()
      return json({ messages: [], state })
    },
  })
  const { user } = renderApp(PATH)
  const input = await screen.findByLabelText('Your message')
  await user.type(input, 'it shows 48213{Enter}')
  expect(await screen.findByRole('alert')).toBeVisible()
  await waitFor(() => expect(input).toHaveValue('it shows 48213'))
  isUp = true
  await user.type(input, '{Enter}')
  expect(await screen.findByText('I have noted it.')).toBeVisible()
  expect(input).toHaveValue('')
  await user.type(input, 'it shows 48213{Enter}')
  const sent = () => requests.filter(({ url }) => url.endsWith(path))
  await waitFor(() => expect(sent()).toHaveLength(3))
  const [first, again, anew] = sent().map(({ headers }) => headers.get('idempotency-key'))
  expect(again).toBe(first)
  expect(anew).not.toBe(first)
})

test('what a person says after a handover is shown as theirs', async () => {
  events = [GREETING, { sequence: 2, at, event: 'person', text: 'Maria here.' }]
  serveConversation()
  renderApp(PATH)
  expect(await screen.findByText('Maria here.')).toBeVisible()
})

test('a button sends its payload and cannot be pressed again', async () => {
  const requests = serveConversation()
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'My bill' }))
  await screen.findByText('I have noted it.')
  const sent = requests.find(({ url }) => url.endsWith('/messages'))
  expect(await sent?.json()).toEqual({ text: '/bill' })
  expect(screen.getByRole('button', { name: 'My bill' })).toBeDisabled()
})

test('a handover is shown', async () => {
  const message = { type: 'handover', text: 'Maria takes over.' } as const
  events = [GREETING, { sequence: 2, at, event: 'assistant', message }]
  state = { ...state, status: 'handover' }
  serveConversation()
  renderApp(PATH)
  expect(await screen.findByText('Maria takes over.')).toBeVisible()
  expect(screen.getByText('With a person')).toBeVisible()
})

test('an assistant without a model leads to the training', async () => {
  serve({ ...ROUTES, [`GET ${HOME}`]: () => json({ ...ASSISTANT, active_model: null }) })
  renderApp(PATH)
  expect(await screen.findByText('It cannot answer yet')).toBeVisible()
})
