/** The names that training data has already. */
import type { TrainingData } from '../../api/types'

/** The entities that are marked, listed or have a pattern, in order. */
export function entitiesOf(data: TrainingData | undefined): string[] {
  const marked = (data?.examples ?? []).flatMap(({ entities }) => entities ?? [])
  const all = [...marked, ...(data?.lookups ?? []), ...(data?.regexes ?? [])]
  return [...new Set(all.map(({ entity }) => entity))].sort((a, b) => a.localeCompare(b))
}
