import { screen } from '@testing-library/react'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ROUTES, renderApp } from '../testing/renderApp'
import { serve } from '../testing/server'

const broken = vi.hoisted(() => ({ message: '' }))
vi.mock('../features/jobs/JobsPage', () => ({
  default: () => {
    throw new Error(broken.message)
  },
}))

const reload = vi.fn()
const STYLE_SHEET = 'Unable to preload CSS for /assets/JobsPage-1.css'

beforeEach(() => {
  serve(ROUTES)
  // React tells the console of every error that a page throws.
  vi.spyOn(console, 'error').mockImplementation(() => {})
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  const real = location
  // A property of jsdom's own location cannot be another one.
  const get = (_: object, key: keyof Location) => (key === 'reload' ? reload : real[key])
  vi.stubGlobal('location', new Proxy({}, { get }))
})
afterEach(() => {
  vi.restoreAllMocks()
  reload.mockClear()
})

async function openBroken(message: string, tab = {}) {
  broken.message = message
  const { user } = renderApp('/jobs', { tab })
  await screen.findByRole('heading', { name: 'This page broke' })
  return user
}

test('a page whose style sheet a release has taken away loads the console anew', async () => {
  await openBroken(STYLE_SHEET)
  expect(reload).toHaveBeenCalledTimes(1)
})

test('a style sheet that is still missing then does not load it over and over', async () => {
  const user = await openBroken(STYLE_SHEET, { 'stoa.reloadedFor': STYLE_SHEET })
  expect(reload).not.toHaveBeenCalled()
  await user.click(screen.getByRole('button', { name: 'Try again' }))
  expect(reload).toHaveBeenCalledTimes(1)
})

test('a page that broke by itself waits for the user', async () => {
  await openBroken('undefined is no function')
  expect(reload).not.toHaveBeenCalled()
})
