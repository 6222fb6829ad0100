/** The confusion matrix as it is shown, from the cells that are not 0. */
import type { EvaluationResult } from '../../api/types'

export type Intent = string | null

/** What was meant, and what was answered. */
export interface Pair {
  expected: Intent
  predicted: Intent
}

export interface Matrix {
  /** The intents of its rows and columns, in this order. */
  intents: Intent[]
  /** A row per intent that was meant. */
  counts: number[][]
  /** Whether there are intents that are not shown. */
  isPart: boolean
}

/** The matrix of the intents that take part in most mistakes, so many at most. */
export function matrixOf(cells: EvaluationResult['confusion'], most: number): Matrix {
  const mistakes = new Map<Intent, number>()
  const add = (intent: Intent, count: number) =>
    mistakes.set(intent, (mistakes.get(intent) ?? 0) + count)
  for (const { expected = null, predicted = null, count } of cells) {
    const wrong = expected === predicted ? 0 : count
    add(expected, wrong)
    add(predicted, wrong)
  }
  const worst = [...mistakes.keys()].sort((a, b) => (mistakes.get(b) ?? 0) - (mistakes.get(a) ?? 0))
  const intents = worst.slice(0, most).sort((a, b) => (a ?? '').localeCompare(b ?? ''))
  const place = new Map(intents.map((intent, index) => [intent, index]))
  const counts = intents.map(() => intents.map(() => 0))
  for (const { expected = null, predicted = null, count } of cells) {
    const row = counts[place.get(expected) ?? -1]
    const column = place.get(predicted)
    if (row && column !== undefined) row[column] = count
  }
  return { intents, counts, isPart: worst.length > most }
}

/** How dark a cell is: its share of what was meant in its row, 0 to 1. */
export function shade(row: number[], count: number): number {
  const total = row.reduce((sum, each) => sum + each, 0)
  return total === 0 ? 0 : count / total
}
