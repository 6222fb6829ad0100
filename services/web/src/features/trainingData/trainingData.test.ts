import { expect, test } from 'vitest'
import { readTextFile } from './files'
import { summarize } from './summarize'

test('examples are grouped by intent, those out of scope last', () => {
  const summary = summarize({
    examples: [
      { text: 'what is love', intent: null },
      { text: 'hi', intent: 'greet' },
      { text: 'it shows 5', intent: 'a', entities: [{ start: 9, end: 10, entity: 'reading' }] },
      { text: 'hello', intent: 'greet' },
    ],
  })
  expect(summary?.examples).toBe(4)
  expect(summary?.intents.map(({ intent, texts }) => [intent, texts.length])).toEqual([
    ['a', 1],
    ['greet', 2],
    [null, 1],
  ])
  expect(summary?.intents[0]?.entities).toEqual(['reading'])
})

test('no examples are no summary', () => {
  expect(summarize({ examples: [] })).toBeUndefined()
})

test.each([
  ['a.json', 'application/json'],
  ['a.YML', 'application/yaml'],
  ['a.b.csv', 'text/csv'],
])('%s is sent as %s', async (name, mediaType) => {
  expect(await readTextFile(new File(['x'], name))).toMatchObject({ mediaType, text: 'x' })
})

test('a file of another kind is refused before it is sent', async () => {
  expect(await readTextFile(new File(['x'], 'a.pdf'))).toBe('unknownType')
})

test('a file that is too large is refused before it is sent', async () => {
  const large = new File([new Uint8Array(5 * 1024 * 1024 + 1)], 'a.csv')
  expect(await readTextFile(large)).toBe('tooLarge')
})

test('a file that is no UTF-8 is refused before it is sent', async () => {
  expect(await readTextFile(new File([new Uint8Array([0xff, 0xfe])], 'a.csv'))).toBe('unreadable')
})
