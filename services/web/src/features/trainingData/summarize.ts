/** Training data by intent, for the table. */
import type { TrainingData } from '../../api/types'

export interface IntentSummary {
  /** Null for utterances that are out of scope. */
  intent: string | null
  texts: string[]
  entities: string[]
}

export interface DataSummary {
  examples: number
  intents: IntentSummary[]
}

/** Groups the examples; undefined when there are none. */
export function summarize(data: TrainingData): DataSummary | undefined {
  if (data.examples.length === 0) return undefined
  const byIntent = new Map<string | null, { texts: string[]; entities: Set<string> }>()
  for (const { text, intent, entities } of data.examples) {
    const name = intent ?? null
    const group = byIntent.get(name) ?? { texts: [], entities: new Set() }
    group.texts.push(text)
    for (const { entity } of entities ?? []) group.entities.add(entity)
    byIntent.set(name, group)
  }
  const intents = Array.from(byIntent, ([intent, { texts, entities }]) => ({
    intent,
    texts,
    entities: [...entities].sort(),
  }))
  intents.sort((a, b) => (a.intent ?? '\uffff').localeCompare(b.intent ?? '\uffff'))
  return { examples: data.examples.length, intents }
}
