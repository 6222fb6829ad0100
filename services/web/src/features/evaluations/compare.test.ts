import { expect, test } from 'vitest'
import type { EvaluationResult, WrongAnswer } from '../../api/types'
import { basisOf, intentDifferences, type Measured, onlyWrongIn } from './compare'

const scores = (f1: Record<string, number>, support = 10) =>
  Object.entries(f1).map(([intent, value]) => ({ intent, f1: value, support }))

const result = (part: Partial<EvaluationResult>): EvaluationResult => ({
  accuracy: 1,
  macro_f1: 1,
  weighted_f1: 1,
  calibration_error: 0,
  examples: 10,
  left_out: 0,
  mistakes: part.wrong?.length ?? 0,
  intents: [],
  confusion: [],
  entities: [],
  wrong: [],
  ...part,
})

const measured = (part: Partial<Measured>): Measured => ({
  id: 'e',
  assistant_id: 'a',
  status: 'succeeded',
  progress: 1,
  created_at: '2026-01-01T10:00:00Z',
  folds: null,
  training_data_version: null,
  result: result({}),
  ...part,
})

const folds = (count: number, version: number) =>
  measured({ folds: count, training_data_version: version })

test('two cross-validations compare if they divide the same revision', () => {
  expect(basisOf(folds(5, 2), folds(5, 2))).toBe('same')
  expect(basisOf(folds(5, 2), folds(10, 2))).toBe('folds')
  expect(basisOf(folds(5, 2), folds(5, 3))).toBe('revisions')
  expect(basisOf(folds(5, 2), measured({}))).toBe('kinds')
})

test('two sets are one if their digests are', () => {
  const set = (digest: string) => measured({ set_digest: digest })
  expect(basisOf(set('a'), set('a'))).toBe('same')
  expect(basisOf(set('a'), set('b'))).toBe('sets')
})

test('two sets without a digest are taken for one unless their intents have other numbers of utterances', () => {
  const set = (support: number) =>
    measured({ result: result({ intents: scores({ greet: 1 }, support) }) })
  expect(basisOf(set(3), set(3))).toBe('alike')
  expect(basisOf(set(3), set(4))).toBe('sets')
})

test('intents are in the order of how much their F1 differs, and those of one side come last', () => {
  const before = result({ intents: scores({ greet: 0.9, bye: 0.5, thank: 0.7, old: 1 }) })
  const after = result({ intents: scores({ greet: 0.8, bye: 0.9, thank: 0.7001, new: 0 }) })
  expect(intentDifferences(before, after)).toEqual([
    { intent: 'bye', before: 0.5, after: 0.9 },
    { intent: 'greet', before: 0.9, after: 0.8 },
    { intent: 'new', before: undefined, after: 0 },
    { intent: 'old', before: 1, after: undefined },
  ])
})

test('who keeps not every mistake cannot say what was right', () => {
  const answer = (text: string): WrongAnswer => ({ text, expected: 'greet', confidence: 1 })
  const one = result({ wrong: [answer('hi'), answer('hey')] })
  const other = result({ wrong: [answer('hey')] })
  expect(onlyWrongIn(one, other)).toEqual([answer('hi')])
  expect(onlyWrongIn(one, { ...other, mistakes: 2 })).toBeUndefined()
})
