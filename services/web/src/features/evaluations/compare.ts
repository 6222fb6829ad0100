/** What is different between two evaluations, and whether they can be compared at all. */
import type { Evaluation, EvaluationResult, WrongAnswer } from '../../api/types'
import type { Intent } from './matrix'

/** An evaluation with what it found. */
export type Measured = Evaluation & { result: EvaluationResult }

/**
 * On what the two were measured. The same utterances: `same`; `folds`, divided otherwise; `alike`, two sets that
 * nothing tells apart. Others: `kinds`, folds against a set; `revisions` of the training data; `sets`.
 */
export type Basis = 'same' | 'folds' | 'alike' | 'kinds' | 'revisions' | 'sets'

export function basisOf(before: Measured, after: Measured): Basis {
  const isCross = (one: Measured) => one.folds != null
  if (isCross(before) !== isCross(after)) return 'kinds'
  if (!isCross(before)) return basisOfSets(before, after)
  if (before.training_data_version !== after.training_data_version) return 'revisions'
  return before.folds === after.folds ? 'same' : 'folds'
}

function basisOfSets(before: Measured, after: Measured): Basis {
  if (before.set_digest && after.set_digest)
    return before.set_digest === after.set_digest ? 'same' : 'sets'
  // An earlier release did not say which set came along; only what is in it can tell two apart.
  return haveSameSupport(before.result, after.result) ? 'alike' : 'sets'
}

export function hasSameUtterances(basis: Basis): boolean {
  return basis === 'same' || basis === 'folds' || basis === 'alike'
}

/** Whether both asked as many utterances of each intent. */
function haveSameSupport(before: EvaluationResult, after: EvaluationResult): boolean {
  const supports = ({ intents }: EvaluationResult) =>
    intents
      .filter(({ support }) => support > 0)
      .map(({ intent = null, support }) => JSON.stringify([intent, support]))
      .sort()
      .join()
  return supports(before) === supports(after)
}

/** A difference of shares as it is shown: in tenths of a percent. Less than that is none. */
export const perMille = (difference: number) => Math.round(difference * 1000)

export interface IntentDifference {
  intent: Intent
  /** Its F1; absent where there is no such intent. */
  before: number | undefined
  after: number | undefined
}

/** How much an F1 differs; what stands on one side only has no difference. */
export function difference({ before, after }: IntentDifference): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before
}

/** The intents whose F1 differs, by how much; those of one side only stand last. */
export function intentDifferences(
  before: EvaluationResult,
  after: EvaluationResult,
): IntentDifference[] {
  const scores = (result: EvaluationResult) =>
    new Map(result.intents.map(({ intent = null, f1 }) => [intent, f1]))
  const [old, now] = [scores(before), scores(after)]
  const size = (one: IntentDifference) => Math.abs(difference(one) ?? 0)
  return [...new Set([...old.keys(), ...now.keys()])]
    .map(intent => ({ intent, before: old.get(intent), after: now.get(intent) }))
    .filter(one => perMille(difference(one) ?? 1) !== 0)
    .sort((a, b) => size(b) - size(a) || (a.intent ?? '').localeCompare(b.intent ?? ''))
}

/** The wrong answers to utterances that the other one got right; absent where that cannot be told. */
export function onlyWrongIn(
  one: EvaluationResult,
  other: EvaluationResult,
): WrongAnswer[] | undefined {
  // Of many mistakes only some are kept: an utterance that is not among them may be wrong all the same.
  if (other.wrong.length < other.mistakes) return undefined
  const key = ({ text, expected = null }: WrongAnswer) => JSON.stringify([text, expected])
  const known = new Set(other.wrong.map(key))
  return one.wrong.filter(answer => !known.has(key(answer)))
}
