import { screen, within } from '@testing-library/react'
import { expect, test, vi } from 'vitest'
import { axe } from 'vitest-axe'
import { asRole, HOME, ME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, problem, serve } from '../../testing/server'

const GRANTED = { access_token: 'a', refresh_token: 'r', expires_in: 900 }

async function fillIn(user: ReturnType<typeof renderApp>['user']) {
  await user.type(await screen.findByLabelText('E-mail'), 'ada@example.org')
  await user.type(screen.getByLabelText('Password'), 'secret')
  await user.click(screen.getByRole('button', { name: 'Sign in' }))
}

test('who is not signed in is asked to, and is then back where they were', async () => {
  serve({ ...ROUTES, 'POST /api/v1/sessions': () => json(GRANTED) })
  const { user } = renderApp(`${HOME.replace('/api/v1', '')}/training`, { signedIn: false })
  await fillIn(user)
  expect(await screen.findByRole('heading', { level: 1, name: 'Training' })).toBeVisible()
})

test('wrong credentials are told, and nothing that was typed is lost', async () => {
  serve({ 'POST /api/v1/sessions': () => problem(401, 'unauthenticated') })
  const { user } = renderApp('/', { signedIn: false })
  await fillIn(user)
  expect(await screen.findByRole('alert')).toHaveTextContent('is not right')
  expect(screen.getByLabelText('E-mail')).toHaveValue('ada@example.org')
})

test('a session that has ended leads to the sign-in', async () => {
  const refuse = () => problem(401, 'unauthenticated')
  serve({ 'GET /api/v1/assistants': refuse, 'POST /api/v1/sessions/refresh': refuse })
  renderApp('/')
  expect(await screen.findByRole('heading', { name: 'Sign in' })).toBeVisible()
})

test('an address elsewhere is not where a sign-in leads', async () => {
  serve({ ...ROUTES, 'POST /api/v1/sessions': () => json(GRANTED) })
  const { user } = renderApp('/sign-in?redirect=//evil.example', { signedIn: false })
  await fillIn(user)
  expect(await screen.findByRole('heading', { level: 1, name: 'Assistants' })).toBeVisible()
})

test('the console speaks Greek', async () => {
  serve({})
  const { user } = renderApp('/', { signedIn: false })
  await user.selectOptions(await screen.findByLabelText('Language'), 'el')
  expect(await screen.findByRole('heading', { name: 'Σύνδεση' })).toBeVisible()
  await user.selectOptions(screen.getByLabelText('Γλώσσα'), 'en')
  await screen.findByRole('heading', { name: 'Sign in' })
})

test('a provider leads away from the sign-in and back to where the user was', async () => {
  const requests = serve({
    ...ROUTES,
    'GET /api/v1/oidc': () => json({ enabled: true, name: 'Example' }),
    'POST /api/v1/oidc/authorizations': () => json({ url: '#provider', ticket: 'mine' }),
    'POST /api/v1/oidc/sessions': () => json(GRANTED),
  })
  const { user, unmount } = renderApp(`${HOME.replace('/api/v1', '')}/training`, {
    signedIn: false,
  })
  await user.click(await screen.findByRole('button', { name: 'Sign in with Example' }))
  await vi.waitFor(() => expect(location.hash).toBe('#provider'))
  unmount()
  const begun = sessionStorage.getItem('stoa.oidc') ?? ''
  renderApp('/sign-in/oidc?code=c&state=s', { signedIn: false, tab: { 'stoa.oidc': begun } })
  expect(await screen.findByRole('heading', { level: 1, name: 'Training' })).toBeVisible()
  const sent = requests.find(({ url }) => url.endsWith('/oidc/sessions'))
  expect(await sent?.json()).toEqual({ code: 'c', state: 's', ticket: 'mine' })
  expect(sessionStorage.getItem('stoa.oidc')).toBeNull()
})

test('a return that was not begun in this tab signs nobody in', async () => {
  const requests = serve({})
  const { container } = renderApp('/sign-in/oidc?code=c&state=forged', { signedIn: false })
  expect(await screen.findByRole('alert')).toHaveTextContent('not completed')
  expect(requests.filter(({ method }) => method === 'POST')).toEqual([])
  expect(await axe(container)).toHaveNoViolations()
})

test('who is not known to be an owner is told why nothing can be changed', async () => {
  let isUp = false
  serve({ ...ROUTES, 'GET /api/v1/me': () => (isUp ? json(ME) : problem(500, 'internal')) })
  const { user, container } = renderApp('/')
  const alert = await screen.findByRole('alert')
  expect(screen.getByText(/nothing can be changed/)).toBeVisible()
  expect(await axe(container)).toHaveNoViolations()
  isUp = true
  await user.click(within(alert).getByRole('button', { name: 'Try again' }))
  expect(await screen.findByRole('button', { name: 'New assistant' })).toBeVisible()
  expect(screen.queryByRole('alert')).toBeNull()
})

test('the page has no accessibility faults', async () => {
  serve({ ...ROUTES, ...asRole('owner') })
  const { container } = renderApp('/', { signedIn: false })
  await screen.findByLabelText('E-mail')
  expect(await axe(container)).toHaveNoViolations()
})
