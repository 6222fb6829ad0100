import { screen, waitFor } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import { ASSISTANT, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, problem, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/data`
const SUMMARY = { version: 1, examples: 1, intents: 1, entities: 0, hints: [] }

async function upload(app: ReturnType<typeof renderApp>, file: File) {
  await screen.findByRole('button', { name: 'Choose a file' })
  const input = app.container.ownerDocument.querySelector<HTMLInputElement>('input[type=file]')
  if (!input) throw new Error('no file input')
  await app.user.upload(input, file)
}

test('a file is sent as its author wrote it, with its media type', async () => {
  const requests = serve({ ...ROUTES, [`PUT ${HOME}/training-data`]: () => json(SUMMARY) })
  const app = renderApp(PATH)
  await upload(app, new File(['nlu: []\n'], 'nlu.yml'))
  await waitFor(() => expect(requests.some(({ method }) => method === 'PUT')).toBe(true))
  const sent = requests.find(({ method }) => method === 'PUT')
  expect(sent?.headers.get('content-type')).toBe('application/yaml')
  expect(await sent?.text()).toBe('nlu: []\n')
})

test('every fault is shown with its line, its column and the text there', async () => {
  const errors = [{ line: 2, column: 3, message: 'expected `]`' }]
  serve({
    ...ROUTES,
    [`PUT ${HOME}/training-data`]: () => problem(400, 'invalid', { errors }),
  })
  const app = renderApp(PATH)
  await upload(app, new File(['nlu:\n- [oops\n'], 'nlu.yml'))
  const alert = await screen.findByRole('alert')
  expect(alert).toHaveTextContent('nlu.yml: 1 place to mend')
  expect(alert).toHaveTextContent('Line 2, column 3 expected `]`')
  expect(alert.querySelector('mark')).toHaveTextContent('[')
})

test('what may be worth a look is shown after an upload', async () => {
  const hints = [{ kind: 'few_examples', message: 'greet has 2 examples.' }]
  serve({ ...ROUTES, [`PUT ${HOME}/training-data`]: () => json({ ...SUMMARY, hints }) })
  const app = renderApp(PATH)
  await upload(app, new File(['{"examples":[]}'], 'a.json'))
  expect(await screen.findByText(/greet has 2 examples/)).toBeVisible()
})

test('the data is shown by intent and opens to its examples', async () => {
  const data = {
    examples: [
      { text: 'hello', intent: 'greet' },
      { text: 'hi there', intent: 'greet' },
    ],
  }
  serve({ ...ROUTES, [`GET ${HOME}/training-data`]: () => json(data) })
  const { user, container } = renderApp(PATH)
  await user.click(await screen.findByRole('button', { name: 'greet' }))
  expect(screen.getByText('hi there')).toBeVisible()
  expect(await axe(container)).toHaveNoViolations()
})
