/** What is different between two revisions of training data. */
import type { Example, TrainingData } from '../../api/types'
import { exampleKey } from './changes'

export interface Moved {
  text: string
  from: string | null
  to: string | null
}

export interface Difference {
  added: Example[]
  removed: Example[]
  /** The same words with another intent. */
  moved: Moved[]
  /** The same words and intent with other entities, as they are after. */
  marked: Example[]
  /** Whether synonyms, lookups, patterns or what is noted beside examples and intents are others. */
  isBesides: boolean
}

/** What becomes of `before`; an example that stands there twice counts twice. */
export function difference(before: TrainingData, after: TrainingData): Difference {
  const gone = new Map<string, Example[]>()
  for (const example of before.examples) push(gone, exampleKey(example), example)
  const news = after.examples.filter(example => !take(gone, exampleKey(example)))
  const left = new Map<string, Example[]>()
  for (const example of [...gone.values()].flat()) push(left, example.text, example)
  const found: Difference = { added: [], removed: [], moved: [], marked: [], isBesides: false }
  for (const example of news) {
    const from = take(left, example.text)
    const to = example.intent ?? null
    if (!from) found.added.push(example)
    else if ((from.intent ?? null) === to) found.marked.push(example)
    else found.moved.push({ text: example.text, from: from.intent ?? null, to })
  }
  found.removed = [...left.values()].flat()
  found.isBesides = besides(before) !== besides(after)
  return found
}

function besides(data: TrainingData): string {
  const { examples, synonyms = [], lookups = [], regexes = [], intents = [] } = data
  const noted = examples.filter(({ metadata }) => metadata != null)
  return JSON.stringify([
    synonyms.map(({ value, variants }) => [value, variants]),
    lookups.map(({ entity, values }) => [entity, values]),
    regexes.map(({ entity, pattern }) => [entity, pattern]),
    intents.map(({ intent, metadata }) => [intent, metadata]),
    noted.map(({ text, metadata }) => [text, metadata]),
  ])
}

function push(map: Map<string, Example[]>, key: string, example: Example) {
  const list = map.get(key)
  if (list) list.push(example)
  else map.set(key, [example])
}

function take(map: Map<string, Example[]>, key: string): Example | undefined {
  return map.get(key)?.shift()
}
