import { screen, waitFor } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import { ASSISTANT, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { json, problem, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/flows`
const SAVED = { [`GET ${HOME}/flows`]: () => new Response('flows:\n  greet: {}\n') }

test('the document is shown and saved as it was written', async () => {
  const requests = serve({ ...ROUTES, ...SAVED, [`PUT ${HOME}/flows`]: () => json({ version: 2 }) })
  const { user, container } = renderApp(PATH)
  const editor = await screen.findByRole('textbox', { name: 'Flow document' })
  expect(editor).toHaveValue('flows:\n  greet: {}\n')
  await user.type(editor, '# mine')
  await user.click(screen.getByRole('button', { name: 'Save flows' }))
  await waitFor(() => expect(screen.getByText('Saved and valid')).toBeVisible())
  const sent = requests.find(({ method }) => method === 'PUT')
  expect(sent?.headers.get('content-type')).toBe('application/yaml')
  expect(await sent?.text()).toBe('flows:\n  greet: {}\n# mine')
  expect(await axe(container)).toHaveNoViolations()
})

test('a fault leads to its place in the editor', async () => {
  const errors = [{ line: 2, column: 3, message: 'has no steps' }]
  const refuse = () => problem(422, 'invalid', { errors })
  serve({ ...ROUTES, ...SAVED, [`PUT ${HOME}/flows`]: refuse })
  const { user } = renderApp(PATH)
  const editor = await screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'Flow document' })
  await user.type(editor, ' ')
  await user.click(screen.getByRole('button', { name: 'Save flows' }))
  await user.click(await screen.findByRole('button', { name: 'Line 2, column 3' }))
  expect(editor).toHaveFocus()
  expect(editor.selectionStart).toBe('flows:\n'.length + 2)
})

test('an assistant without flows starts with an empty document', async () => {
  serve(ROUTES)
  renderApp(PATH)
  expect(await screen.findByRole('textbox', { name: 'Flow document' })).toHaveValue('')
  expect(screen.getByText('No flows yet')).toBeVisible()
})
