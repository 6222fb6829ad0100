/** What a canary and a shadow have in common. */
import type { Rollout, UpdateRollout } from '../../api/types'
import type { useUpdateRollout } from './queries'

/** What becomes of the canary, or of the shadow; null ends it. */
export type RolloutPart =
  | { canary: NonNullable<Rollout['canary']> | null }
  | { shadow: NonNullable<Rollout['shadow']> | null }

export interface TrialProps {
  rollout: Rollout
  /** The versions that can be tried, the newest first. */
  versions: number[]
  /** Absent for who may not. */
  update: ReturnType<typeof useUpdateRollout> | undefined
  busy: boolean
}

/** What is tried as it becomes with the part of one who may not know of the other part: a version is either the canary or the shadow. */
export function withPart(now: Rollout, part: RolloutPart): UpdateRollout {
  if ('canary' in part) {
    return { canary: part.canary, shadow: unless(now.shadow, part.canary?.version) }
  }
  return { canary: unless(now.canary, part.shadow?.version), shadow: part.shadow }
}

function unless<T extends { version: number }>(
  trial: T | null | undefined,
  version: number | undefined,
): T | null {
  return trial && trial.version !== version ? trial : null
}
