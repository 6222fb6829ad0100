import { fireEvent, screen, waitFor } from '@testing-library/react'
import { afterEach, expect, test, vi } from 'vitest'
import { axe } from 'vitest-axe'
import { ASSISTANT, asRole, HOME, ROUTES, renderApp } from '../../testing/renderApp'
import { gate, json, problem, serve } from '../../testing/server'

const PATH = `/assistants/${ASSISTANT.id}/flows`
const SAVED = { [`GET ${HOME}/flows`]: () => new Response('flows:\n  greet: {}\n') }

afterEach(() => vi.restoreAllMocks())

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

test('what is typed while a save is under way is kept, and is not saved yet', async () => {
  const { opened, open } = gate()
  const stored = async () => {
    await opened
    return json({ version: 2 })
  }
  const requests = serve({ ...ROUTES, ...SAVED, [`PUT ${HOME}/flows`]: stored })
  const { user } = renderApp(PATH)
  const editor = await screen.findByRole('textbox', { name: 'Flow document' })
  await user.type(editor, '# one')
  await user.keyboard('{Control>}s{/Control}')
  const puts = () => requests.filter(({ method }) => method === 'PUT')
  await waitFor(() => expect(puts()).toHaveLength(1))
  await user.type(editor, ', two')
  open()
  expect(await screen.findByText(/The flows are saved/)).toBeVisible()
  expect(editor).toHaveValue('flows:\n  greet: {}\n# one, two')
  expect(screen.getByText('Unsaved changes')).toBeVisible()
  expect(await puts()[0]?.text()).toBe('flows:\n  greet: {}\n# one')
})

test('a key saves once while it is held down, and nothing where nothing is to be saved', async () => {
  const refuse = () => problem(422, 'invalid')
  const requests = serve({ ...ROUTES, ...SAVED, [`PUT ${HOME}/flows`]: refuse })
  const { user } = renderApp(PATH)
  const editor = await screen.findByRole('textbox', { name: 'Flow document' })
  editor.focus()
  await user.keyboard('{Control>}s{/Control}')
  await user.type(editor, ' ')
  await user.keyboard('{Control>}s{/Control}')
  expect(await screen.findByRole('alert')).toBeVisible()
  fireEvent.keyDown(editor, { key: 's', ctrlKey: true, repeat: true })
  await user.click(screen.getByRole('button', { name: 'Discard changes' }))
  expect(requests.filter(({ method }) => method === 'PUT')).toHaveLength(1)
})

test('a viewer saves nothing by the key', async () => {
  const requests = serve({ ...ROUTES, ...SAVED, ...asRole('viewer') })
  const { user } = renderApp(PATH)
  const editor = await screen.findByRole('textbox', { name: 'Flow document' })
  await waitFor(() => expect(editor).toHaveAttribute('readonly'))
  await user.click(editor)
  await user.keyboard('{Control>}s{/Control}')
  expect(requests.filter(({ method }) => method === 'PUT')).toEqual([])
})

test('what somebody else has saved meanwhile gives way only to who says so', async () => {
  let stored = 'flows: {}\n'
  const bodies: string[] = []
  serve({
    ...ROUTES,
    [`GET ${HOME}/flows`]: () => new Response(stored),
    [`PUT ${HOME}/flows`]: async request => {
      stored = await request.text()
      bodies.push(stored)
      return json({ version: 2 })
    },
  })
  const { user, container } = renderApp(PATH)
  const editor = await screen.findByRole('textbox', { name: 'Flow document' })
  await user.type(editor, '# mine')
  stored = 'flows: {}\n# theirs'
  await user.click(screen.getByRole('button', { name: 'Save flows' }))
  expect(await screen.findByText(/Somebody else has saved/)).toBeVisible()
  expect(editor).toHaveValue('flows: {}\n# mine')
  expect(bodies).toEqual([])
  expect(await axe(container)).toHaveNoViolations()
  await user.click(screen.getByRole('button', { name: 'Save mine in place of theirs' }))
  await waitFor(() => expect(screen.getByText('Saved and valid')).toBeVisible())
  expect(bodies).toEqual(['flows: {}\n# mine'])

  await user.type(editor, ', again')
  stored = 'flows: {}\n# theirs, again'
  await user.click(screen.getByRole('button', { name: 'Save flows' }))
  await user.click(await screen.findByRole('button', { name: 'Take theirs and discard mine' }))
  expect(editor).toHaveValue('flows: {}\n# theirs, again')
  expect(bodies).toHaveLength(1)
})

test('what somebody else saves in that very moment is not overwritten', async () => {
  let stored = { text: 'flows: {}\n', version: 1 }
  const tag = () => ({ ETag: `"${stored.version}.yaml"` })
  const seen: (string | null)[] = []
  serve({
    ...ROUTES,
    [`GET ${HOME}/flows`]: () => new Response(stored.text, { headers: tag() }),
    [`PUT ${HOME}/flows`]: request => {
      seen.push(request.headers.get('if-match'))
      stored = { text: 'flows: {}\n# theirs', version: 2 }
      return problem(412, 'conflict')
    },
  })
  const { user } = renderApp(PATH)
  const editor = await screen.findByRole('textbox', { name: 'Flow document' })
  await user.type(editor, '# mine')
  await user.click(screen.getByRole('button', { name: 'Save flows' }))
  expect(await screen.findByText(/Somebody else has saved/)).toBeVisible()
  expect(editor).toHaveValue('flows: {}\n# mine')
  expect(seen).toEqual(['"1.yaml"'])
})

test('a file can be loaded again once it is mended', async () => {
  serve({ ...ROUTES, ...SAVED })
  const { user, container } = renderApp(PATH)
  const editor = await screen.findByRole('textbox', { name: 'Flow document' })
  await screen.findByRole('button', { name: 'Load from a file' })
  const input = container.querySelector('input[type=file]') as HTMLInputElement
  const file = new File(['flows: {}'], 'flows.yml')
  await user.upload(input, file)
  await waitFor(() => expect(editor).toHaveValue('flows: {}'))
  await user.click(screen.getByRole('button', { name: 'Discard changes' }))
  await user.upload(input, file)
  await waitFor(() => expect(editor).toHaveValue('flows: {}'))
})

async function openWithFile() {
  const { user, container } = renderApp(PATH)
  const editor = await screen.findByRole('textbox', { name: 'Flow document' })
  await screen.findByRole('button', { name: 'Load from a file' })
  const input = container.querySelector('input[type=file]') as HTMLInputElement
  return { user, container, editor, load: (file: File) => user.upload(input, file) }
}

test('a file takes the place of what is not saved only if that is said', async () => {
  serve({ ...ROUTES, ...SAVED })
  const confirm = vi.spyOn(window, 'confirm').mockReturnValue(false)
  const { user, editor, load } = await openWithFile()
  await user.type(editor, '# mine')
  const file = new File(['flows: {}'], 'flows.yml')
  await load(file)
  expect(confirm).toHaveBeenCalledTimes(1)
  expect(editor).toHaveValue('flows:\n  greet: {}\n# mine')
  confirm.mockReturnValue(true)
  await load(file)
  await waitFor(() => expect(editor).toHaveValue('flows: {}'))
})

test('a file that is no UTF-8 text is refused, and nothing of it is taken', async () => {
  serve({ ...ROUTES, ...SAVED })
  const { container, editor, load } = await openWithFile()
  await load(new File([new Uint8Array([0x66, 0xe9])], 'latin.yml'))
  expect(await screen.findByRole('alert')).toHaveTextContent('“latin.yml” is not valid UTF-8')
  expect(editor).toHaveValue('flows:\n  greet: {}\n')
  expect(await axe(container)).toHaveNoViolations()
  await load(new File(['flows: {}'], 'flows.yml'))
  await waitFor(() => expect(screen.queryByRole('alert')).toBeNull())
  expect(editor).toHaveValue('flows: {}')
})

test('who signs out is asked first, for what is typed would be lost', async () => {
  const requests = serve({ ...ROUTES, ...SAVED })
  const confirm = vi.spyOn(window, 'confirm').mockReturnValue(false)
  const { user } = renderApp(PATH)
  const editor = await screen.findByRole('textbox', { name: 'Flow document' })
  await user.type(editor, '# mine')
  const signOut = screen.getByRole('button', { name: 'Sign out' })
  await user.click(signOut)
  expect(confirm).toHaveBeenCalledTimes(1)
  expect(editor).toHaveValue('flows:\n  greet: {}\n# mine')
  expect(requests.filter(({ method }) => method === 'DELETE')).toEqual([])
  confirm.mockReturnValue(true)
  await user.click(signOut)
  expect(await screen.findByRole('heading', { name: 'Sign in' })).toBeVisible()
  expect(confirm).toHaveBeenCalledTimes(2)
  confirm.mockRestore()
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

test('an assistant without flows starts with an empty document, and keeps what another begins', async () => {
  const requests = serve({ ...ROUTES, [`PUT ${HOME}/flows`]: () => problem(412, 'conflict') })
  const { user } = renderApp(PATH)
  const editor = await screen.findByRole('textbox', { name: 'Flow document' })
  expect(editor).toHaveValue('')
  expect(screen.getByText('No flows yet')).toBeVisible()
  await user.type(editor, 'flows:')
  await user.click(screen.getByRole('button', { name: 'Save flows' }))
  await waitFor(() => {
    const sent = requests.find(({ method }) => method === 'PUT')
    expect(sent?.headers.get('if-match')).toBe('"0.yaml"')
  })
})
