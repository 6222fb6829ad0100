/** What comes over the WebSocket of a conversation. */
import type { Event, Problem } from '../../api/types'

export type Frame =
  | { kind: 'event'; event: Event }
  /** What was said under `key` has been refused. */
  | { kind: 'refusal'; key: string | null; problem: Problem }

/** A frame; undefined for one of a kind that this console does not know. */
export function readFrame(text: string): Frame | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  if ('event' in value && 'sequence' in value) return { kind: 'event', event: value as Event }
  if (!('problem' in value)) return undefined
  const { problem, idempotency_key: key = null } = value as {
    problem: Problem
    idempotency_key?: string | null
  }
  return { kind: 'refusal', key, problem }
}
