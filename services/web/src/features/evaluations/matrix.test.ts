import { expect, test } from 'vitest'
import { matrixOf, shade } from './matrix'
import { pressed, sorted } from './sorting'

const CELLS = [
  { expected: 'bye', predicted: 'bye', count: 9 },
  { expected: 'greet', predicted: 'bye', count: 3 },
  { expected: 'greet', predicted: null, count: 1 },
  { expected: 'order', predicted: 'order', count: 5 },
]

test('a matrix has a row for what was meant and a column for what was answered', () => {
  const { intents, counts, isPart } = matrixOf(CELLS, 10)
  expect(intents).toEqual([null, 'bye', 'greet', 'order'])
  expect(counts).toEqual([
    [0, 0, 0, 0],
    [0, 9, 0, 0],
    [1, 3, 0, 0],
    [0, 0, 0, 5],
  ])
  expect(isPart).toBe(false)
})

test('a large matrix shows the intents with the most mistakes', () => {
  const { intents, counts, isPart } = matrixOf(CELLS, 2)
  expect(intents).toEqual(['bye', 'greet'])
  expect(counts).toEqual([
    [9, 0],
    [3, 0],
  ])
  expect(isPart).toBe(true)
})

test('a cell is as dark as its share of its row', () => {
  expect(shade([1, 3], 3)).toBe(0.75)
  expect(shade([0, 0], 0)).toBe(0)
})

test('rows are sorted either way, those without a value last', () => {
  const rows = [{ f1: 0.5 }, { f1: null }, { f1: 0.9 }, { f1: 0.1 }]
  const by = { by: 'f1', descending: false } as const
  expect(sorted(rows, by).map(({ f1 }) => f1)).toEqual([0.1, 0.5, 0.9, null])
  expect(sorted(rows, pressed(by, 'f1')).map(({ f1 }) => f1)).toEqual([0.9, 0.5, 0.1, null])
})
