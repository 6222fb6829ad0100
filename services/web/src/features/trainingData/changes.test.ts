import { expect, test } from 'vitest'
import { applyChanges } from './changes'

const greet = (text: string) => ({ text, intent: 'greet' })
const DATA = {
  examples: [greet('hi'), greet('hello'), greet('hi')],
  synonyms: [{ value: 'a', variants: ['b'] }],
}

test('one of two that are the same is changed, and what is not an example stays', () => {
  const { data, operations, missing } = applyChanges(DATA, [
    { from: greet('hi'), to: greet('hey') },
    { from: greet('hello') },
    { to: greet('good day') },
  ])
  expect(data.examples).toEqual([greet('hey'), greet('hi'), greet('good day')])
  expect(operations).toEqual([
    { op: 'replace', path: '/examples/0', value: greet('hey') },
    { op: 'add', path: '/examples/-', value: greet('good day') },
    { op: 'remove', path: '/examples/1' },
  ])
  expect(data.synonyms).toEqual(DATA.synonyms)
  expect(missing).toBe(0)
})

test('what was stored already, and only its answer was lost, is not stored twice', () => {
  const { operations, missing } = applyChanges({ examples: [greet('hey'), greet('good day')] }, [
    { from: greet('hi'), to: greet('hey') },
    { to: greet('good day') },
  ])
  expect(operations).toEqual([])
  expect(missing).toBe(0)
})

test('the last of those that go is removed first', () => {
  const { operations } = applyChanges(DATA, [
    { from: greet('hello') },
    { from: greet('hi') },
    { from: greet('hi') },
  ])
  expect(operations.map(({ path }) => path)).toEqual(['/examples/2', '/examples/1', '/examples/0'])
})

test('what somebody else has changed meanwhile is not written over', () => {
  const theirs = { examples: [greet('hi there'), greet('new')] }
  const { data, missing } = applyChanges(theirs, [
    { from: greet('hi'), to: greet('hey') },
    { from: greet('hello') },
  ])
  expect(data.examples).toEqual([greet('hi there'), greet('new'), greet('hey')])
  expect(missing).toBe(2)
})
