import { onlineManager } from '@tanstack/react-query'
import { screen, within } from '@testing-library/react'
import { afterEach, expect, test } from 'vitest'
import { ASSISTANT, HOME, ROUTES, renderApp } from '../testing/renderApp'
import { json, serve } from '../testing/server'

afterEach(() => onlineManager.setOnline(true))

const FLOWS = `/assistants/${ASSISTANT.id}/flows`
const isOffline = () => Promise.reject(new TypeError('Failed to fetch'))

test('a page that cannot be loaded without a network says so, and is there once it is back', async () => {
  let answer: () => Response | Promise<Response> = isOffline
  serve({ ...ROUTES, [`GET ${HOME}/flows`]: () => answer() })
  onlineManager.setOnline(false)
  renderApp(FLOWS)
  expect(await screen.findByRole('alert')).toHaveTextContent('No answer from the server.')
  answer = () => new Response('flows: {}')
  onlineManager.setOnline(true)
  expect(await screen.findByRole('textbox', { name: 'Flow document' })).toHaveValue('flows: {}')
})

test('what cannot be saved without a network is said at once, and can be saved later', async () => {
  let answer: () => Response | Promise<Response> = isOffline
  serve({
    ...ROUTES,
    [`GET ${HOME}/flows`]: () => new Response('flows: {}'),
    [`PUT ${HOME}/flows`]: () => answer(),
  })
  const { user } = renderApp(FLOWS)
  await user.type(await screen.findByRole('textbox', { name: 'Flow document' }), ' ')
  onlineManager.setOnline(false)
  await user.click(screen.getByRole('button', { name: 'Save flows' }))
  const alert = await screen.findByRole('alert')
  expect(within(alert).getByText('Check your connection and try again.')).toBeVisible()
  answer = () => json({ version: 2 })
  await user.click(screen.getByRole('button', { name: 'Save flows' }))
  expect(await screen.findByText('Saved and valid')).toBeVisible()
})
