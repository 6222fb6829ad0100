/** The whole console at a path, as a browser shows it. */
import { render } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { App } from '../App'
import { forgetSession, keepSession } from '../api/session'
import type { Assistant, Me, Rollout } from '../api/types'
import { json, page, type Routes } from './server'

export const ASSISTANT: Assistant = {
  id: '0190a000-0000-7000-8000-000000000001',
  name: 'Customer care',
  language: 'en',
  active_model: 3,
  created_at: '2026-01-01T10:00:00Z',
  updated_at: '2026-01-01T10:00:00Z',
}

export const HOME = `/api/v1/assistants/${ASSISTANT.id}`

export const ME: Me = {
  id: '0190a000-0000-7000-8000-0000000000ff',
  email: 'ada@example.org',
  account_id: '0190a000-0000-7000-8000-0000000000fe',
  account_name: 'Example',
  role: 'owner',
}

const NO_ANSWERS = { total: 0, out_of_scope: 0 }

/** Only the active version answers. */
export const NOTHING_TRIED: Rollout = {
  active_model: ASSISTANT.active_model ?? null,
  canary: null,
  shadow: null,
  seen: {
    active: NO_ANSWERS,
    canary: NO_ANSWERS,
    shadow: { agreed: 0, disagreed: 0, disagreements: [] },
  },
}

/** An account with one assistant that has learned nothing yet. */
export const ROUTES: Routes = {
  'GET /api/v1/me': () => json(ME),
  'GET /api/v1/assistants': () => page(ASSISTANT),
  [`GET ${HOME}`]: () => json(ASSISTANT),
  [`GET ${HOME}/trainings`]: () => page(),
  [`GET ${HOME}/evaluations`]: () => page(),
  [`GET ${HOME}/models`]: () => page(),
  [`GET ${HOME}/rollout`]: () => json(NOTHING_TRIED),
  'GET /api/v1/imports': () => page(),
}

export const asRole = (role: Me['role']): Routes => ({
  'GET /api/v1/me': () => json({ ...ME, role }),
})

interface RenderOptions {
  signedIn?: boolean
  /** What the tab has kept. */
  tab?: Record<string, string>
}

export function renderApp(path: string, { signedIn = true, tab = {} }: RenderOptions = {}) {
  sessionStorage.clear()
  for (const [key, value] of Object.entries(tab)) sessionStorage.setItem(key, value)
  if (signedIn) {
    keepSession({ access_token: 'access', refresh_token: 'refresh', expires_in: 900 })
  } else {
    forgetSession()
  }
  window.history.replaceState(null, '', path)
  return { user: userEvent.setup(), ...render(<App />) }
}
