import { screen, waitFor, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import type { ApiKey, OpenSession } from '../../api/types'
import { ASSISTANT, asRole, ROUTES, renderApp } from '../../testing/renderApp'
import { gate, json, page, problem, serve } from '../../testing/server'

const HERE: OpenSession = {
  id: '0190a000-0000-7000-8000-00000000000a',
  created_at: '2026-01-01T10:00:00Z',
  last_used_at: '2026-01-01T10:00:00Z',
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  address: '192.0.2.1',
  current: true,
}
const THERE: OpenSession = {
  ...HERE,
  id: '0190a000-0000-7000-8000-00000000000b',
  user_agent: 'curl/8.14.1',
  address: '192.0.2.2',
  current: false,
}
const KEY: ApiKey = {
  id: '0190a000-0000-7000-8000-00000000000c',
  name: 'Web chat',
  prefix: 'stoa_abcde',
  role: 'viewer',
  assistant_id: ASSISTANT.id,
  scopes: ['converse'],
  created_at: '2026-01-01T10:00:00Z',
  expires_at: '2026-01-02T10:00:00Z',
  last_used_at: null,
}

const ACCOUNT = {
  ...ROUTES,
  'GET /api/v1/sessions': () => page(HERE, THERE),
  'GET /api/v1/users': () => page(),
  'GET /api/v1/api-keys': () => page(KEY),
}
const none = () => new Response(null, { status: 204 })

test('the sessions are listed, this one is marked, and another is ended', async () => {
  const requests = serve({ ...ACCOUNT, [`DELETE /api/v1/sessions/${THERE.id}`]: none })
  const { user } = renderApp('/account')
  const here = await screen.findByRole('row', { name: /Firefox · Linux/ })
  expect(within(here).getByText('this one')).toBeVisible()
  expect(within(here).queryByRole('button')).toBeNull()
  await user.click(screen.getByRole('button', { name: 'End the session of curl 192.0.2.2' }))
  expect(await screen.findByText('The session has ended.')).toBeVisible()
  expect(requests.some(({ method }) => method === 'DELETE')).toBe(true)
})

test('who makes a key is told that the assistants it could be kept to are not known', async () => {
  serve({ ...ACCOUNT, 'GET /api/v1/assistants': () => problem(500, 'internal') })
  const { user } = renderApp('/account')
  await user.click(await screen.findByRole('button', { name: 'New API key' }))
  const dialog = await screen.findByRole('dialog')
  expect(await within(dialog).findByRole('button', { name: 'Try again' })).toBeVisible()
})

test('signing out everywhere asks first and ends at the sign-in', async () => {
  serve({ ...ACCOUNT, 'DELETE /api/v1/sessions': none })
  const { user } = renderApp('/account')
  await user.click(await screen.findByRole('button', { name: 'Sign out everywhere' }))
  const dialog = await screen.findByRole('dialog', { name: 'Sign out everywhere?' })
  await user.click(within(dialog).getByRole('button', { name: 'Sign out everywhere' }))
  expect(await screen.findByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible()
})

test('a failed sign-out everywhere is told, and the user stays', async () => {
  serve({ ...ACCOUNT, 'DELETE /api/v1/sessions': () => problem(503, 'unavailable') })
  const { user } = renderApp('/account')
  await user.click(await screen.findByRole('button', { name: 'Sign out everywhere' }))
  const dialog = await screen.findByRole('dialog')
  await user.click(within(dialog).getByRole('button', { name: 'Sign out everywhere' }))
  expect(await within(dialog).findByRole('alert')).toBeVisible()
})

test('a key is made for what it is needed, and its secret is shown once', async () => {
  const secret = 'stoa_the-secret'
  const requests = serve({
    ...ACCOUNT,
    'POST /api/v1/api-keys': () => json({ ...KEY, name: 'Bot', key: secret }, 201),
  })
  const { user } = renderApp('/account')
  await user.click(await screen.findByRole('button', { name: 'New API key' }))
  const dialog = await screen.findByRole('dialog')
  await user.click(within(dialog).getByRole('button', { name: 'Create the key' }))
  expect(await within(dialog).findByText('Give the key a name.')).toBeVisible()
  await user.type(within(dialog).getByLabelText('Name'), 'Bot')
  await user.click(within(dialog).getByLabelText('Parsing utterances'))
  await user.selectOptions(within(dialog).getByLabelText('Expires'), 'in 30 days')
  await user.click(within(dialog).getByRole('button', { name: 'Create the key' }))
  expect(await screen.findByLabelText('Secret')).toHaveValue(secret)
  const sent = await requests.find(({ method }) => method === 'POST')?.json()
  expect(sent).toMatchObject({ name: 'Bot', role: 'viewer', scopes: ['converse'] })
  expect(Date.parse(sent.expires_at)).toBeGreaterThan(Date.now())
  await user.click(screen.getByRole('button', { name: 'Copy' }))
  expect(await screen.findByRole('button', { name: 'Copied' })).toBeVisible()
  await user.click(screen.getByRole('button', { name: 'I have copied it' }))
  expect(screen.queryByDisplayValue(secret)).toBeNull()
})

test('a dialog stays until the key that it is making is there', async () => {
  const { opened, open } = gate()
  const created = async () => {
    await opened
    return json({ ...KEY, key: 'stoa_secret' }, 201)
  }
  serve({ ...ACCOUNT, 'POST /api/v1/api-keys': created })
  const { user } = renderApp('/account')
  await user.click(await screen.findByRole('button', { name: 'New API key' }))
  await user.type(await screen.findByRole('textbox', { name: 'Name' }), 'Bot')
  await user.click(screen.getByRole('button', { name: 'Create the key' }))
  await waitFor(() => expect(screen.getByRole('button', { name: 'Cancel' })).toBeDisabled())
  await user.keyboard('{Escape}')
  open()
  expect(await screen.findByLabelText('Secret')).toHaveValue('stoa_secret')
})

test('why one key could not be revoked is not said of another', async () => {
  const other = { ...KEY, id: '0190a000-0000-7000-8000-00000000000d', name: 'Phone' }
  const refuse = () => problem(500, 'internal')
  serve({
    ...ACCOUNT,
    'GET /api/v1/api-keys': () => page(KEY, other),
    [`DELETE /api/v1/api-keys/${KEY.id}`]: refuse,
  })
  const { user } = renderApp('/account')
  await user.click(await screen.findByRole('button', { name: 'Revoke the key Web chat' }))
  const dialog = await screen.findByRole('dialog')
  await user.click(within(dialog).getByRole('button', { name: 'Revoke' }))
  expect(await within(dialog).findByRole('alert')).toBeVisible()
  await user.click(within(dialog).getByRole('button', { name: 'Cancel' }))
  await user.click(screen.getByRole('button', { name: 'Revoke the key Phone' }))
  const next = await screen.findByRole('dialog', { name: /Phone/ })
  expect(within(next).queryByRole('alert')).toBeNull()
})

test('a secret that cannot be copied says so', async () => {
  const created = () => json({ ...KEY, key: 'stoa_secret' }, 201)
  serve({ ...ACCOUNT, 'POST /api/v1/api-keys': created })
  const { user } = renderApp('/account')
  // As over plain HTTP.
  Reflect.deleteProperty(navigator, 'clipboard')
  await user.click(await screen.findByRole('button', { name: 'New API key' }))
  await user.type(await screen.findByRole('textbox', { name: 'Name' }), 'Bot')
  await user.click(screen.getByRole('button', { name: 'Create the key' }))
  await user.click(await screen.findByRole('button', { name: 'Copy' }))
  expect(await screen.findByRole('button', { name: /cannot be copied/ })).toBeVisible()
})

test('a key is revoked after a question', async () => {
  let apiKeys = [KEY]
  const requests = serve({
    ...ACCOUNT,
    'GET /api/v1/api-keys': () => page(...apiKeys),
    [`DELETE /api/v1/api-keys/${KEY.id}`]: () => {
      apiKeys = []
      return none()
    },
  })
  const { user } = renderApp('/account')
  const row = await screen.findByRole('row', { name: /Web chat/ })
  expect(row).toHaveTextContent('Conversations')
  expect(row).toHaveTextContent('Expired')
  await user.click(within(row).getByRole('button', { name: 'Revoke the key Web chat' }))
  const dialog = await screen.findByRole('dialog', { name: 'Revoke the key “Web chat”?' })
  expect(requests.some(({ method }) => method === 'DELETE')).toBe(false)
  await user.click(within(dialog).getByRole('button', { name: 'Revoke' }))
  expect(await screen.findByText('The key “Web chat” is revoked.')).toBeVisible()
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  // The button that led to the dialog is gone with the key.
  expect(screen.getByRole('heading', { name: 'API keys' })).toHaveFocus()
})

test('who is no owner sees their sessions, no users and no keys', async () => {
  serve({ ...ACCOUNT, ...asRole('editor') })
  renderApp('/account')
  expect(await screen.findByRole('heading', { level: 2, name: 'Sessions' })).toBeVisible()
  expect(screen.queryByRole('heading', { level: 2, name: 'Users' })).toBeNull()
  expect(screen.queryByRole('heading', { level: 2, name: 'API keys' })).toBeNull()
})

test('the page has no accessibility faults', async () => {
  serve(ACCOUNT)
  const { container } = renderApp('/account')
  await screen.findByRole('row', { name: /Web chat/ })
  expect(await axe(container)).toHaveNoViolations()
})
