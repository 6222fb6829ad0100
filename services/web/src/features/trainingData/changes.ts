/** What an editor has changed, so that it can be done to training data that somebody else has changed meanwhile. */
import type { Example, TrainingData, TrainingDataOperation } from '../../api/types'

/** An example becomes another, is gone (`to` absent), or is new (`from` absent). */
export interface Change {
  from?: Example | undefined
  to?: Example | undefined
}

export interface Applied {
  data: TrainingData
  /** What makes that of the data as it was, one after the other. */
  operations: TrainingDataOperation[]
  /** Changes whose example is not there as it was; what they make of it was added. */
  missing: number
}

/** One text for examples that are the same. */
export function exampleKey({ text, intent, entities }: Example): string {
  const marks = (entities ?? []).map(({ start, end, entity, role, group, value }) => [
    start,
    end,
    entity,
    role ?? null,
    group ?? null,
    value ?? null,
  ])
  return JSON.stringify([text, intent ?? null, marks])
}

/** Does the changes to data; examples that nobody touched stay as and where they are. */
export function applyChanges(data: TrainingData, changes: Change[]): Applied {
  const examples: (Example | undefined)[] = [...data.examples]
  const places = new Map<string, number[]>()
  data.examples.forEach((example, index) => {
    const key = exampleKey(example)
    places.set(key, [...(places.get(key) ?? []), index])
  })
  const there = new Set(places.keys())
  const operations: TrainingDataOperation[] = []
  const removed: number[] = []
  let missing = 0
  for (const { from, to } of changes) {
    const at = from && places.get(exampleKey(from))?.shift()
    if (at !== undefined) {
      examples[at] = to
      if (to) operations.push({ op: 'replace', path: `/examples/${at}`, value: to })
      else removed.push(at)
      continue
    }
    // Perhaps this was stored before, and only the answer was lost.
    const isThere = to && there.has(exampleKey(to))
    if (isThere) continue
    if (from) missing += 1
    if (!to) continue
    examples.push(to)
    operations.push({ op: 'add', path: '/examples/-', value: to })
  }
  // The last first: the others stay where they are until it is their turn.
  for (const at of removed.sort((a, b) => b - a)) {
    operations.push({ op: 'remove', path: `/examples/${at}` })
  }
  const kept = examples.filter(example => example !== undefined)
  return { data: { ...data, examples: kept }, operations, missing }
}
