import { expect, test } from 'vitest'
import { difference } from './difference'

const one = (text: string, intent: string | null, entities = [] as never[]) => ({
  text,
  intent,
  entities,
})

test('what was added, removed, moved and marked anew is told apart', () => {
  const before = {
    examples: [one('hi', 'greet'), one('hi', 'greet'), one('bye', 'greet'), one('old', null)],
  }
  const marked = { text: 'hi', intent: 'greet', entities: [{ start: 0, end: 2, entity: 'word' }] }
  const after = {
    examples: [one('hi', 'greet'), marked, one('bye', 'leave'), one('new', null)],
    regexes: [{ entity: 'zip', pattern: '[0-9]{5}' }],
  }
  expect(difference(before, after)).toEqual({
    added: [one('new', null)],
    removed: [one('old', null)],
    moved: [{ text: 'bye', from: 'greet', to: 'leave' }],
    marked: [marked],
    isBesides: true,
  })
  const noted = { ...after, intents: [{ intent: 'greet', metadata: { team: 1 } }] }
  expect(difference(after, noted).isBesides).toBe(true)
  expect(difference(after, after)).toEqual({
    added: [],
    removed: [],
    moved: [],
    marked: [],
    isBesides: false,
  })
})
