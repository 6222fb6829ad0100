import { screen, waitFor, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import type { User } from '../../api/types'
import { ME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, page, problem, type Routes, serve } from '../../testing/server'

const ADA: User = {
  id: ME.id,
  email: ME.email ?? '',
  role: 'owner',
  created_at: '2026-01-01T10:00:00Z',
}
const GRACE: User = {
  ...ADA,
  id: '0190a000-0000-7000-8000-00000000000d',
  email: 'grace@example.org',
  role: 'viewer',
}
const PATH = `/api/v1/users/${GRACE.id}`
const LAST_OWNER = { detail: 'An account has an owner: make another user one first.' }

async function openUsers(routes: Routes = {}) {
  const requests = serve({
    ...ROUTES,
    'GET /api/v1/sessions': () => page(),
    'GET /api/v1/api-keys': () => page(),
    'GET /api/v1/users': () => page(GRACE, ADA),
    ...routes,
  })
  const { user, container } = renderApp('/account')
  const panel = within(await screen.findByRole('region', { name: 'Users' }))
  await panel.findByRole('row', { name: /ada@example.org/ })
  const sent = (method: string) => requests.find(request => request.method === method)
  return { user, container, panel, requests, sent }
}

test('the users are listed with their roles, and oneself is marked', async () => {
  const { container, panel } = await openUsers()
  const own = within(panel.getByRole('row', { name: /ada@example.org/ }))
  expect(own.getByText('you')).toBeVisible()
  expect(own.getByText('Owner')).toBeVisible()
  const other = within(panel.getByRole('row', { name: /grace@example.org/ }))
  expect(other.queryByText('you')).toBeNull()
  expect(other.getByText('Viewer')).toBeVisible()
  expect(await axe(container)).toHaveNoViolations()
})

test('a long list comes page by page', async () => {
  const { user, panel, requests } = await openUsers({
    'GET /api/v1/users': ({ url }) =>
      new URL(url).searchParams.has('cursor')
        ? page(GRACE)
        : json({ items: [ADA], next_cursor: 'more' }),
  })
  await user.click(panel.getByRole('button', { name: 'Show more: Users' }))
  expect(await panel.findByRole('row', { name: /grace@example.org/ })).toBeVisible()
  expect(requests.some(({ url }) => url.endsWith('cursor=more'))).toBe(true)
})

test('a user is made with an address, a password and a role', async () => {
  const { user, panel, sent } = await openUsers({
    'POST /api/v1/users': () => json({ ...GRACE, email: 'edsger@example.org' }, 201),
  })
  await user.click(panel.getByRole('button', { name: 'New user' }))
  const dialog = within(await screen.findByRole('dialog', { name: 'New user' }))
  await user.type(dialog.getByLabelText('E-mail'), 'edsger')
  await user.type(dialog.getByLabelText('Password'), 'too short')
  await user.click(dialog.getByRole('button', { name: 'Create the user' }))
  expect(await dialog.findByText('Enter an e-mail address.')).toBeVisible()
  expect(dialog.getByText('The password has at least 12 characters.')).toBeVisible()
  expect(sent('POST')).toBeUndefined()
  await user.type(dialog.getByLabelText('E-mail'), '@example.org')
  await user.type(dialog.getByLabelText('Password'), ' no more')
  await user.selectOptions(dialog.getByLabelText('Role'), 'Editor')
  expect(dialog.getByText(/^Changes, trains and measures/)).toBeVisible()
  const form = dialog.getByLabelText('E-mail').closest('form')
  expect(form && (await axe(form))).toHaveNoViolations()
  await user.click(dialog.getByRole('button', { name: 'Create the user' }))
  expect(await screen.findByText('edsger@example.org can sign in now.')).toBeVisible()
  expect(await sent('POST')?.json()).toEqual({
    email: 'edsger@example.org',
    password: 'too short no more',
    role: 'editor',
  })
})

test('an address that somebody has is told in the dialog', async () => {
  const errors = [{ pointer: '/email', message: 'the address is taken' }]
  const { user, panel } = await openUsers({
    'POST /api/v1/users': () => problem(409, 'conflict', { errors }),
  })
  await user.click(panel.getByRole('button', { name: 'New user' }))
  const dialog = within(await screen.findByRole('dialog'))
  await user.type(dialog.getByLabelText('E-mail'), 'grace@example.org')
  await user.type(dialog.getByLabelText('Password'), 'long enough, surely')
  await user.click(dialog.getByRole('button', { name: 'Create the user' }))
  expect(await dialog.findByRole('alert')).toHaveTextContent('the address is taken')
})

test('a user is given another role', async () => {
  const { user, panel, sent } = await openUsers({
    [`PATCH ${PATH}`]: () => json({ ...GRACE, role: 'editor' }),
  })
  await user.click(panel.getByRole('button', { name: 'Change the role of grace@example.org' }))
  const dialog = within(await screen.findByRole('dialog'))
  expect(dialog.getByRole('button', { name: 'Save' })).toBeDisabled()
  expect(dialog.queryByText(/your own user/)).toBeNull()
  await user.selectOptions(dialog.getByLabelText('Role'), 'Editor')
  await user.click(dialog.getByRole('button', { name: 'Save' }))
  expect(await screen.findByText('grace@example.org now has the role Editor.')).toBeVisible()
  expect(await sent('PATCH')?.json()).toEqual({ role: 'editor' })
})

test('who gives up the own role is signed out', async () => {
  const { user, panel } = await openUsers({
    [`PATCH /api/v1/users/${ADA.id}`]: () => json({ ...ADA, role: 'viewer' }),
  })
  await user.click(panel.getByRole('button', { name: 'Change the role of ada@example.org' }))
  const dialog = within(await screen.findByRole('dialog'))
  expect(dialog.getByText(/your own user/)).toBeInTheDocument()
  await user.selectOptions(dialog.getByLabelText('Role'), 'Viewer')
  await user.click(dialog.getByRole('button', { name: 'Save' }))
  expect(await screen.findByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible()
})

test('a user is deleted after a question', async () => {
  const { user, panel, sent } = await openUsers({
    [`DELETE ${PATH}`]: () => new Response(null, { status: 204 }),
  })
  await user.click(panel.getByRole('button', { name: 'Delete the user grace@example.org' }))
  const dialog = within(
    await screen.findByRole('dialog', { name: 'Delete the user grace@example.org?' }),
  )
  expect(sent('DELETE')).toBeUndefined()
  await user.click(dialog.getByRole('button', { name: 'Delete' }))
  expect(await screen.findByText('The user grace@example.org is deleted.')).toBeVisible()
})

test('the last owner stays, and the refusal is gone with its dialog', async () => {
  const { user, panel } = await openUsers({
    [`DELETE /api/v1/users/${ADA.id}`]: () => problem(409, 'conflict', LAST_OWNER),
  })
  await user.click(panel.getByRole('button', { name: 'Delete the user ada@example.org' }))
  const dialog = within(await screen.findByRole('dialog'))
  await user.click(dialog.getByRole('button', { name: 'Delete' }))
  expect(await dialog.findByRole('alert')).toHaveTextContent(LAST_OWNER.detail)
  await user.click(dialog.getByRole('button', { name: 'Cancel' }))
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  await user.click(panel.getByRole('button', { name: 'Delete the user grace@example.org' }))
  const other = within(await screen.findByRole('dialog'))
  expect(other.queryByRole('alert')).toBeNull()
})
