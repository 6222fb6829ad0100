import { screen, waitFor } from '@testing-library/react'
import { expect, test, vi } from 'vitest'
import { axe } from 'vitest-axe'
import type { TrainingDataExport, TrainingDataImport } from '../../api/types'
import { ASSISTANT, asRole, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, page, problem, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/data`
const DATA = { examples: [{ text: 'hello', intent: 'greet' }] }

const IMPORT: TrainingDataImport = {
  id: '0190a000-0000-7000-8000-0000000000aa',
  assistant_id: ASSISTANT.id,
  mode: 'merge',
  format: 'csv',
  bytes: 20,
  status: 'queued',
  version: null,
  counts: null,
  hints: [],
  error: null,
  errors: [],
  created_at: '2026-01-01T10:00:00Z',
  finished_at: null,
}

const EXPORT: TrainingDataExport = {
  id: '0190a000-0000-7000-8000-0000000000bb',
  assistant_id: ASSISTANT.id,
  format: 'yaml',
  version: 4,
  status: 'queued',
  bytes: null,
  error: null,
  created_at: '2026-01-01T10:00:00Z',
  finished_at: null,
  expires_at: null,
}

async function choose(app: ReturnType<typeof renderApp>, file: File) {
  await screen.findByRole('button', { name: 'Import a file' })
  const inputs = app.container.ownerDocument.querySelectorAll<HTMLInputElement>('input[type=file]')
  const input = inputs[inputs.length - 1]
  if (!input) throw new Error('no file input')
  await app.user.upload(input, file)
}

/** Answers with the next of these each time, the last one again and again. */
function inTurn<T>(...answers: T[]) {
  let at = 0
  return () => answers[Math.min(at++, answers.length - 1)]
}

test('a file is merged, and what came of it is told', async () => {
  const counts = {
    intents: 2,
    examples: 1200,
    added: 3,
    replaced: 0,
    skipped: 7,
    contradictions: 1,
  }
  const hints = [{ kind: 'contradiction', message: '"hi" is both `a` and `b`.' }]
  const done = { ...IMPORT, status: 'succeeded', version: 2, counts, hints }
  const next = inTurn<object | undefined>(undefined, { ...IMPORT, status: 'running' }, done)
  const requests = serve({
    ...ROUTES,
    [`GET ${HOME}/training-data`]: () => json(DATA),
    [`POST ${HOME}/imports`]: () => json(IMPORT, 202),
    'GET /api/v1/imports': () => {
      const item = next()
      return item ? page(item) : page()
    },
  })
  const app = renderApp(PATH)
  await choose(app, new File(['text,intent\nhi,a\n'], 'more.csv'))
  expect(await screen.findByText(/The file is being taken in|waits for its turn/)).toBeVisible()
  const told = await screen.findByText(/3 examples added, 7 were there already/, undefined, {
    timeout: 15_000,
  })
  expect(told).toHaveTextContent('Now 1,200 examples of 2 intents.')
  expect(screen.getByText(/stand in more than one intent: 1/)).toBeVisible()
  expect(screen.getByText(/is both `a` and `b`/)).toBeVisible()
  const sent = requests.find(({ method }) => method === 'POST')
  expect(new URL(sent?.url ?? '').search).toBe('?mode=merge')
  expect(sent?.headers.get('content-type')).toBe('text/csv')
  expect(sent?.headers.get('idempotency-key')).toBeTruthy()
  // What it has changed is asked for again.
  const asked = requests.filter(
    ({ method, url }) => method === 'GET' && url.endsWith('/training-data'),
  )
  expect(asked.length).toBeGreaterThan(1)
  expect(await axe(app.container)).toHaveNoViolations()
})

test('a file that was refused can be chosen again once it is mended', async () => {
  const requests = serve({ ...ROUTES, [`POST ${HOME}/imports`]: () => problem(413, 'too_large') })
  const app = renderApp(PATH)
  const file = new File(['text,intent\nhi,a\n'], 'more.csv')
  await choose(app, file)
  expect(await screen.findByRole('alert')).toBeVisible()
  await choose(app, file)
  const posts = () => requests.filter(({ method }) => method === 'POST')
  await waitFor(() => expect(posts()).toHaveLength(2))
})

test('a wrong file is told by line and column, with the text there', async () => {
  const errors = [{ line: 2, column: 3, message: 'expected 2 columns, found 3' }]
  const error = 'One thing in the document is wrong.'
  const failed = { ...IMPORT, mode: 'replace', status: 'failed', error, errors }
  const requests = serve({
    ...ROUTES,
    [`POST ${HOME}/imports`]: () => json(failed, 202),
  })
  const app = renderApp(PATH)
  await app.user.click(await screen.findByRole('radio', { name: 'Replace it' }))
  await choose(app, new File(['text,intent\na,b,c\n'], 'more.csv'))
  const alert = await screen.findByRole('alert')
  expect(alert).toHaveTextContent('more.csv: 1 place to mend')
  expect(alert).toHaveTextContent('Line 2, column 3 expected 2 columns, found 3')
  expect(alert.querySelector('mark')).toHaveTextContent('b')
  const sent = requests.find(({ method }) => method === 'POST')
  expect(new URL(sent?.url ?? '').search).toBe('?mode=replace')
})

test('an import under way is found again, and cancelled by its job', async () => {
  const cancelled = { ...IMPORT, status: 'cancelled', error: 'Its job was cancelled.' }
  let now: object = { ...IMPORT, status: 'running' }
  const requests = serve({
    ...ROUTES,
    'GET /api/v1/imports': () => page(now),
    [`POST /api/v1/jobs/${IMPORT.id}/cancel`]: () => {
      now = cancelled
      return json({})
    },
  })
  const { user } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'Cancel the import' }))
  expect(await screen.findByText('The import was cancelled')).toBeVisible()
  expect(requests.some(({ url }) => url.endsWith(`/jobs/${IMPORT.id}/cancel`))).toBe(true)
})

test('the data is exported in a format and saved', async () => {
  const done = { ...EXPORT, format: 'csv', status: 'succeeded', bytes: 12 }
  const next = inTurn({ ...EXPORT, format: 'csv', status: 'running' }, done)
  const create = vi.fn(() => 'blob:file')
  vi.stubGlobal('URL', Object.assign(URL, { createObjectURL: create, revokeObjectURL: vi.fn() }))
  const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined)
  const requests = serve({
    ...ROUTES,
    [`GET ${HOME}/training-data`]: () => json(DATA),
    [`POST ${HOME}/exports`]: () => json({ ...EXPORT, format: 'csv' }, 202),
    [`GET /api/v1/exports/${EXPORT.id}`]: () => json(next()),
    [`GET /api/v1/exports/${EXPORT.id}/content`]: () => new Response('text,intent\n'),
  })
  const { user, container } = renderApp(PATH, { signedIn: true })
  await user.selectOptions(await screen.findByLabelText('Format'), 'csv')
  expect(screen.getByText('CSV holds texts and intents only.')).toBeVisible()
  await user.click(screen.getByRole('button', { name: 'Export' }))
  const download = await screen.findByRole('button', { name: 'Download CSV' }, { timeout: 15_000 })
  await user.click(download)
  await waitFor(() => expect(click).toHaveBeenCalled())
  expect(create).toHaveBeenCalledOnce()
  const sent = requests.find(({ method }) => method === 'POST')
  expect(await sent?.json()).toEqual({ format: 'csv' })
  expect(await axe(container)).toHaveNoViolations()
})

test('a viewer exports and does not import', async () => {
  serve({ ...ROUTES, ...asRole('viewer'), [`GET ${HOME}/training-data`]: () => json(DATA) })
  renderApp(PATH)
  expect(await screen.findByRole('button', { name: 'Export' })).toBeVisible()
  expect(screen.queryByRole('button', { name: 'Import a file' })).toBeNull()
})
