import { screen, waitFor, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import { ASSISTANT, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, page, problem, type Routes, serve } from '../../testing/server'

async function openSettings(routes: Routes) {
  const requests = serve({ ...ROUTES, ...routes })
  const { user } = renderApp('/')
  await user.click(await screen.findByRole('button', { name: 'Actions for Customer care' }))
  await user.click(await screen.findByRole('menuitem', { name: 'Understanding' }))
  const dialog = within(await screen.findByRole('dialog'))
  const sent = () => requests.find(({ method }) => method === 'PATCH')
  return { user, dialog, sent }
}

test('settings are saved, and a field that is empty takes its setting back', async () => {
  const understanding = { time_zone: 'UTC', min_confidence: 0.3 }
  const { user, dialog, sent } = await openSettings({
    'GET /api/v1/assistants': () => page({ ...ASSISTANT, understanding }),
    [`PATCH ${HOME}`]: () => json(ASSISTANT),
  })
  const zone = dialog.getByLabelText('Time zone')
  await user.clear(zone)
  await user.type(zone, 'Europe/Athens')
  await user.clear(dialog.getByLabelText('Least confidence'))
  await user.type(dialog.getByLabelText('Margin of ambiguity'), '0.1')
  await user.click(dialog.getByRole('switch', { name: 'Find every built-in entity' }))
  await user.click(dialog.getByRole('checkbox', { name: 'Web addresses' }))
  await user.click(dialog.getByRole('switch', { name: /^Sentence encoder/ }))
  const form = zone.closest('form')
  expect(form && (await axe(form))).toHaveNoViolations()
  await user.click(dialog.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(sent()).toBeDefined())
  const body = await sent()?.json()
  expect(body.understanding).toEqual({
    time_zone: 'Europe/Athens',
    builtin_entities: [
      'datetime',
      'duration',
      'email',
      'money',
      'number',
      'ordinal',
      'percentage',
      'phone',
    ],
    min_confidence: null,
    ambiguity_margin: 0.1,
    encoder: true,
  })
})

test('a click beside the dialog does not take away what was typed', async () => {
  const { user, dialog } = await openSettings({})
  await user.type(dialog.getByLabelText('Time zone'), 'Europe/Athens')
  await user.click(document.querySelector('.mantine-Modal-overlay') as HTMLElement)
  await user.click(dialog.getByRole('switch', { name: 'Find every built-in entity' }))
  expect(dialog.getByRole('group', { name: 'Built-in entities that are found' })).toBeVisible()
  expect(dialog.getByLabelText('Time zone')).toHaveValue('Europe/Athens')
  await user.keyboard('{Escape}')
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
})

test('a time zone that does not exist is told in the dialog', async () => {
  const { user, dialog } = await openSettings({
    [`PATCH ${HOME}`]: () => problem(422, 'invalid', { detail: 'There is no such time zone.' }),
  })
  await user.type(dialog.getByLabelText('Time zone'), 'Atlantis/Capital')
  await user.click(dialog.getByRole('button', { name: 'Save' }))
  expect(await dialog.findByRole('alert')).toHaveTextContent('There is no such time zone.')
})
