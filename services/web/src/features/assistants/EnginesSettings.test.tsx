import { screen, waitFor, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import type { Engine } from '../../api/types'
import { asRole, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, problem, type Routes, serve } from '../../testing/server'

const ML: Engine = { kind: 'ml' }
const RASA: Engine = {
  kind: 'rasa',
  url: 'https://rasa.example.org',
  has_token: true,
  timeout_ms: 800,
}

async function openEngines(engines: Engine[], routes: Routes = {}) {
  const requests = serve({
    ...ROUTES,
    [`GET ${HOME}/engines`]: () => json({ engines }),
    [`PUT ${HOME}/engines`]: () => json({ engines }),
    ...routes,
  })
  const { user } = renderApp('/')
  await user.click(await screen.findByRole('button', { name: 'Actions for Customer care' }))
  await user.click(await screen.findByRole('menuitem', { name: 'Engines' }))
  const dialog = within(await screen.findByRole('dialog', { name: 'Who understands' }))
  await dialog.findByRole('button', { name: 'Save' })
  const names = () =>
    dialog.getAllByRole('group').map(group => group.querySelector('legend')?.textContent)
  const save = async () => {
    await user.click(dialog.getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(requests.some(({ method }) => method === 'PUT')).toBe(true))
    const body = await requests.find(({ method }) => method === 'PUT')?.json()
    return body.engines
  }
  return { user, dialog, requests, names, save }
}

test('engines are moved, and a token that is not touched is left out', async () => {
  const { user, dialog, names, save } = await openEngines([ML, RASA])
  expect(names()).toEqual(['1. Built-in engine', '2. Rasa server'])
  expect(dialog.getByText(/^A token is kept for this URL/)).toBeInTheDocument()
  expect(dialog.getByLabelText('Token')).toHaveValue('')
  const form = dialog.getByLabelText('URL').closest('form')
  expect(form && (await axe(form))).toHaveNoViolations()
  const up = dialog.getByRole('button', { name: 'Move “https://rasa.example.org” up' })
  await user.click(up)
  expect(names()).toEqual(['1. Rasa server', '2. Built-in engine'])
  expect(up).toHaveFocus()
  expect(up).toHaveAttribute('aria-disabled', 'true')
  expect(dialog.getByRole('status')).toHaveTextContent('is at place 1 now')
  await user.click(up)
  expect(await save()).toEqual([
    { kind: 'rasa', url: 'https://rasa.example.org', timeout_ms: 800 },
    { kind: 'ml' },
  ])
  expect(await screen.findByText('The engines are saved.')).toBeVisible()
})

test('a Rasa server is added with its token and time limit', async () => {
  const { user, dialog, requests, save } = await openEngines([ML])
  await user.click(dialog.getByRole('button', { name: 'Add a Rasa server' }))
  await user.click(dialog.getByRole('button', { name: 'Save' }))
  expect(await dialog.findByText('Enter the URL of the server.')).toBeVisible()
  expect(requests.some(({ method }) => method === 'PUT')).toBe(false)
  await user.type(dialog.getByLabelText('URL'), 'https://nlu.example.org')
  await user.type(dialog.getByLabelText('Token'), 'open sesame')
  const limit = dialog.getByLabelText('Time limit (ms)')
  await user.clear(limit)
  await user.type(limit, '350')
  expect(await save()).toEqual([
    { kind: 'ml' },
    { kind: 'rasa', url: 'https://nlu.example.org', token: 'open sesame', timeout_ms: 350 },
  ])
})

test('a token that is kept is taken back', async () => {
  const { user, dialog, save } = await openEngines([RASA])
  await user.click(dialog.getByRole('checkbox', { name: 'Take back the token that is kept' }))
  expect(dialog.getByLabelText('Token')).toBeDisabled()
  expect(await save()).toEqual([
    { kind: 'rasa', url: 'https://rasa.example.org', token: null, timeout_ms: 800 },
  ])
})

test('a token is kept for its URL alone', async () => {
  const { user, dialog, save } = await openEngines([RASA])
  await user.click(dialog.getByRole('checkbox', { name: 'Take back the token that is kept' }))
  await user.type(dialog.getByLabelText('URL'), '/other')
  expect(dialog.queryByText(/^A token is kept/)).toBeNull()
  expect(dialog.queryByRole('checkbox')).toBeNull()
  await user.type(dialog.getByLabelText('Token'), 'new')
  expect(await save()).toEqual([
    { kind: 'rasa', url: 'https://rasa.example.org/other', token: 'new', timeout_ms: 800 },
  ])
})

test('engines are removed and added, one of them stays, and there are four at most', async () => {
  const { user, dialog, names } = await openEngines([ML, RASA])
  expect(dialog.queryByRole('button', { name: 'Add the built-in engine' })).toBeNull()
  await user.click(dialog.getByRole('button', { name: 'Remove “Built-in engine”' }))
  expect(dialog.getByRole('list', { name: /^Engines/ })).toHaveFocus()
  await user.click(dialog.getByRole('button', { name: 'Remove “https://rasa.example.org”' }))
  expect(names()).toEqual(['1. Rasa server'])
  await user.click(dialog.getByRole('button', { name: 'Add the built-in engine' }))
  const add = dialog.getByRole('button', { name: 'Add a Rasa server' })
  await user.click(add)
  await user.click(add)
  expect(names()).toHaveLength(4)
  expect(add).toBeDisabled()
  expect(dialog.getByText('There are four at most.')).toBeVisible()
})

test('what is wrong with an engine is told at its field', async () => {
  const errors = [{ pointer: '/engines/1/url', message: 'is no public address' }]
  const { dialog, save } = await openEngines([ML, RASA], {
    [`PUT ${HOME}/engines`]: () => problem(422, 'invalid', { errors }),
  })
  await save()
  expect(await dialog.findByRole('alert')).toHaveTextContent('/engines/1/url')
  expect(dialog.getByLabelText('URL')).toHaveAccessibleDescription(/is no public address/)
  expect(dialog.getByLabelText('URL')).toBeInvalid()
})

test('only owners choose the engines', async () => {
  serve({ ...ROUTES, ...asRole('editor') })
  const { user } = renderApp('/')
  await user.click(await screen.findByRole('button', { name: 'Actions for Customer care' }))
  await screen.findByRole('menuitem', { name: 'Understanding' })
  expect(screen.queryByRole('menuitem', { name: 'Engines' })).toBeNull()
})
