/** What a canary and a shadow have in common. */
import type { Rollout } from '../../api/types'
import type { useUpdateRollout } from './queries'

export interface TrialProps {
  rollout: Rollout
  /** The versions that can be tried, the newest first. */
  versions: number[]
  /** Absent for who may not. */
  update: ReturnType<typeof useUpdateRollout> | undefined
  busy: boolean
}

/** The trial as it stays when this version is given the other one: it is either the canary or the shadow. */
export function unless<T extends { version: number }>(
  trial: T | null | undefined,
  version: number,
): T | null {
  return trial && trial.version !== version ? trial : null
}
