/** What an utterance may be labelled as. */
import type { TrainingData } from '../../api/types'

/** The label that says that an utterance means none of the intents. */
export const OUT_OF_SCOPE = 'out_of_scope'

/** The intents of training data, in order. */
export function intentsOf(data: TrainingData | undefined): string[] {
  const names = (data?.examples ?? []).flatMap(({ intent }) => intent ?? [])
  return [...new Set(names)].sort((a, b) => a.localeCompare(b))
}
